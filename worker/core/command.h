/*
 * A command as the worker holds it: read from its record, checked, waiting or carried out.
 *
 * Owner: the queue or the operation that it is in.
 */
#ifndef GANTRY_WORKER_CORE_COMMAND_H
#define GANTRY_WORKER_CORE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/fleet/container_state.h"
#include "common/fleet/refusal.h"
#include "schemas/commands.h"
#include "schemas/container_config.h"
#include "schemas/images.h"
#include "schemas/record.h"

struct command {
    TAILQ_ENTRY(command) link;
    uint64_t pos; /* in the log: its name in the journal */
    struct command_id id;
    enum container_operation operation;
    uint64_t deadline;               /* ns since 1970; 0: none */
    uint32_t signal;                 /* of kill */
    struct maybe_u32 timeout_s;      /* of stop, restart and forced remove */
    struct container_config *config; /* of create, and of an update that has begun; in `arena` */
    struct container_update *update; /* of update; in `arena` */
    char *name;                      /* of rename: the new one; in `arena` */
    bool removes_volumes;            /* of remove: the anonymous ones, too */
    struct container_commit *commit; /* of commit; in `arena` */
    struct container_copy *copy;     /* of copy; in `arena` */
    struct text_list results;        /* of the outcome; in `arena` */
    struct arena arena;
    bool has_hastened; /* a stop that it waits for was already made shorter */
};

TAILQ_HEAD(command_list, command);

/* Read and check. FAILURE_NONE and the command; or why it is not to be carried out, also in `why`:
 * of no known type, without a container, or with a body that makes no sense. */
enum failure command_read(const struct record *record, struct command **ret, struct refusal *why);
void command_destroy(struct command *command);
DEFINE_AUTODESTROY(command)

#endif
