/*
 * What sp asks of, and sets on, an accepted socket. Thread: the loop's.
 */
#ifndef GANTRY_COMMON_IO_SP_SOCKET_H
#define GANTRY_COMMON_IO_SP_SOCKET_H

#include <sys/socket.h>

#include "common/io/sp.h"

#define SP_ADDRESS_SIZE 64 /* "[<ipv6>%interface]:port" */

/* Fill is_loopback, or uid and pid, and the text for logs. */
void sp_socket_identify(int fd, const struct sockaddr *address, struct sp_identity *ret,
                        char ret_text[static SP_ADDRESS_SIZE]);

/* No delay, keepalive after 10 s, gone after 15 s without an acknowledgement. */
void sp_socket_set_tcp(int fd);

/* libevent writes to sockets without MSG_NOSIGNAL: a peer that dies must not take us along. */
void sp_socket_ignore_broken_pipes(void);

#endif
