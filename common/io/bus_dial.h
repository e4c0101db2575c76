/*
 * Where a socket of nng dials, and with which papers: a URL and its TLS settings, checked once.
 *
 * Owner: a link. Thread: the loop's.
 */
#ifndef GANTRY_COMMON_IO_BUS_DIAL_H
#define GANTRY_COMMON_IO_BUS_DIAL_H

#include <nng/nng.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/io/bus.h"

struct bus_dial;

/* -EINVAL for a URL that is none, and for TLS files that cannot be used. */
int bus_dial_new(const char *url, const struct bus_tls *tls, struct bus_dial **ret,
                 struct error *err);
/* NULL is legal. */
void bus_dial_destroy(struct bus_dial *dial);
DEFINE_AUTODESTROY(bus_dial)

/* Have the socket dial from now on, for as long as it lives; does not wait. Returns nng's result.
 */
int bus_dial_start(const struct bus_dial *dial, nng_socket socket);

/* nng's result as a negative errno. */
int bus_dial_errno(int nng_result);

#endif
