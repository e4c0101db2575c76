/*
 * Commands: said once under an id of our own, so that saying it again is the same command, and
 * followed to their outcome.
 */
#ifndef GANTRY_OPS_CONSOLE_SUBMIT_H
#define GANTRY_OPS_CONSOLE_SUBMIT_H

#include <stdint.h>

#include "common/id.h"
#include "ops/console/console.h"
#include "schemas/failure.h"
#include "schemas/rows.h"
#include "schemas/schema.h"

struct command {
    const struct schema *schema; /* of the body; its name is the command's type */
    const void *body;            /* struct nothing for those without fields; may be NULL then */
    const char *host;
    const char *container;
};

/* A command that was said. */
struct submission {
    struct command_id id;
    const char *type;
    const char *host;
    uint64_t pos;         /* of its record in the log */
    enum failure failure; /* the broker refused it at once; FAILURE_NONE: it is under way */
    const char *text;     /* why; in the console's arena */
};

/* How it ended. */
struct result {
    enum failure failure;     /* FAILURE_NONE: done */
    const char *text;         /* why not; in the console's arena */
    uint32_t run;             /* of the container, when the command made or ended one */
    uint64_t pos;             /* of the command's record */
    struct text_list results; /* ids of images, names of volumes; in the console's arena */
};

/* What is said from now on is not to be begun later than `duration` (of --expires; NULL: may be at
 * any time) from now. */
int submit_expire(struct console *console, const char *duration, struct error *err);

/* Say it; returns when it is durable in the log. A refusal is no error here. */
int submit_send(struct console *console, const struct command *command, struct submission *ret,
                struct error *err);

/* Say it and do not wait, from within a callback of the loop. */
int submit_tell(struct console *console, const struct command *command, struct error *err);

/* What the broker knows of a command now; in the console's arena. */
int submit_find(struct console *console, struct command_id id, struct command_row **ret,
                struct error *err);

/* Wait for the outcome, however long it takes. */
int submit_wait(struct console *console, const struct submission *submission, struct result *ret,
                struct error *err);

/* The same; a failure of the command is an error with client_errno() of it. `ret` (may be NULL) is
 * set then, too. */
int submit_finish(struct console *console, const struct submission *submission, struct result *ret,
                  struct error *err);

/* submit_send() and submit_finish(). */
int submit_run(struct console *console, const struct command *command, struct result *ret,
               struct error *err);

#endif
