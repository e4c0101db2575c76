/*
 * Mutual TLS for the listeners of sp: OpenSSL's contexts, and the name in a peer's certificate.
 */
#ifndef GANTRY_COMMON_IO_SP_TLS_H
#define GANTRY_COMMON_IO_SP_TLS_H

#include <stddef.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/io/sp.h"

struct sp_tls_context;
struct ssl_st;

/* Load certificate, key and authority. -EINVAL names the file that is not usable. */
int sp_tls_context_new(const struct sp_tls *tls, struct sp_tls_context **ret, struct error *err);
void sp_tls_context_destroy(struct sp_tls_context *context);
DEFINE_AUTODESTROY(sp_tls_context)

/* The server's side of one connection; the caller owns it (a bufferevent frees it). */
struct ssl_st *sp_tls_session(struct sp_tls_context *context);

/* The URI of the peer's certificate that begins with gantry://, on the heap; NULL: it has none. */
char *sp_tls_peer_name(struct ssl_st *session);

/* What OpenSSL says about this failure number of its queue. */
void sp_tls_reason(unsigned long failure, char *ret, size_t size);

#endif
