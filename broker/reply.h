/*
 * Answers: a message of the bus, or an error instead of it. A request of NULL (its peer has gone)
 * is answered by nothing. Loop thread.
 */
#ifndef GANTRY_BROKER_REPLY_H
#define GANTRY_BROKER_REPLY_H

#include <stdint.h>

#include "common/error.h"
#include "schemas/failure.h"
#include "schemas/schema.h"

struct sp_request;

void reply_message(struct sp_request *request, const struct schema *schema, const void *message);

/* The error reply, with a sentence for the operator. */
void reply_failure(struct sp_request *request, enum failure failure, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The error reply `busy`: ask again in a moment. */
void reply_busy(struct sp_request *request, const char *why);

/* The error reply `trimmed`, with the floor of the log. */
void reply_trimmed(struct sp_request *request, uint64_t floor, const char *why);

/* The error reply for what failed in the broker: `disk`, `busy`, or `internal`. */
void reply_error(struct sp_request *request, const struct error *err);

#endif
