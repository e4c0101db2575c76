/* What the broker itself has to say in the log: events on the stream "sys". Loop thread. */
#ifndef GANTRY_BROKER_NOTICE_H
#define GANTRY_BROKER_NOTICE_H

#include "common/bytes.h"
#include "schemas/record.h"
#include "schemas/schema.h"

struct broker;

struct notice {
    const char *actor;           /* who caused it; NULL: the broker */
    const char *host;            /* that it is about; NULL: none */
    const char *container;       /* NULL: none */
    const struct schema *schema; /* of the body; its name is the event's type */
    const void *body;
};

#define NOTICE_ACTOR_BROKER "broker"

/* The record of an event that the broker says. Its texts, and `body`'s bytes, are borrowed. */
struct record notice_record(const struct notice *notice, struct bytes body);

/* Write it with the next batch; everything is copied. One that cannot be written is logged. */
void notice_write(struct broker *broker, const struct notice *notice);

#endif
