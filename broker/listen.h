/* Where the broker listens: its URLs, checked against what the operator wanted. Loop thread. */
#ifndef GANTRY_BROKER_LISTEN_H
#define GANTRY_BROKER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/io/sp.h"

#define LISTENERS_MAX 16

struct listen_options {
    const char *urls[LISTENERS_MAX]; /* for requests */
    size_t url_count;
    const char *feed_url;     /* NULL: no feed */
    const struct sp_tls *tls; /* NULL: tls+tcp is refused */
    bool is_insecure;         /* plain tcp beyond this machine is wanted */
};

/* Listen on all of them, or on none. -EPERM for plain tcp beyond loopback that nobody wanted:
 * whoever reaches it would be an admin. */
int listen_start(struct sp_server *server, const struct listen_options *options, struct error *err);

/* "listen=URL ... feed=URL" with the ports that were got, on the heap. */
char *listen_print(const struct sp_server *server, const struct listen_options *options);

#endif
