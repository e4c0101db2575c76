/*
 * A listening socket of sp, by URL: it hands over each accepted connection, and takes a breath
 * instead of spinning when the process has no descriptor left.
 *
 * Owner: the sp server. Thread: the loop's.
 */
#ifndef GANTRY_COMMON_IO_SP_LISTENER_H
#define GANTRY_COMMON_IO_SP_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/io/sp.h"

struct event_base;
struct sp_listener;

/* `fd` becomes the callee's; non-blocking, close-on-exec. `address` is the peer's, borrowed. */
typedef void sp_accept_fn(void *owner, int fd, const struct sockaddr *address);

struct sp_listener_setup {
    struct event_base *loop;
    mode_t unix_mode; /* of a unix socket's file */
    sp_accept_fn *on_accept;
    void *owner;
};

/*
 * tcp://, tls+tcp:// or unix://; a host may be a name (resolved here and now, this may block),
 * `*` for every address. A stale unix socket is replaced, one that somebody serves is not:
 * -EADDRINUSE. -EINVAL for a URL that is none.
 */
int sp_listener_new(const struct sp_listener_setup *setup, const char *url,
                    struct sp_listener **ret, struct error *err);

/* Also removes the unix socket, unless somebody else has put another one there. */
void sp_listener_destroy(struct sp_listener *listener);
DEFINE_AUTODESTROY(sp_listener)

enum sp_transport sp_listener_transport(const struct sp_listener *listener);
/* 0 for a unix socket. */
uint16_t sp_listener_port(const struct sp_listener *listener);

#endif
