/* sd_notify without systemd's library: a datagram to $NOTIFY_SOCKET, when there is one. */
#ifndef GANTRY_COMMON_IO_NOTIFY_H
#define GANTRY_COMMON_IO_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=..."; silent when nobody listens. Does not block. */
void notify_send(const char *state);

#endif
