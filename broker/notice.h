/* What the broker itself has to say in the log: events on the stream "sys". */
#ifndef GANTRY_BROKER_NOTICE_H
#define GANTRY_BROKER_NOTICE_H

#include <stdint.h>

#include "common/error.h"
#include "common/id.h"
#include "schemas/schema.h"

struct broker;
struct commit_turn;

struct notice {
    const char *actor;           /* who caused it; NULL: the broker */
    const char *host;            /* that it is about; NULL: none */
    const char *container;       /* NULL: none */
    struct command_id cause;     /* the command that it comes of; zero: none */
    const struct schema *schema; /* of the body; its name is the event's type */
    const void *body;
};

#define NOTICE_ACTOR_BROKER "broker"

/* For `apply` of commit.h, on its thread: append it now. `ret_pos` (NULL: not wanted): where. */
int notice_append(struct commit_turn *turn, const struct notice *notice, uint64_t *ret_pos,
                  struct error *err);

/* Loop thread: write it with the next batch; everything is copied. One that cannot be written is
 * logged. */
void notice_write(struct broker *broker, const struct notice *notice);

#endif
