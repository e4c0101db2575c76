/*
 * What every verb gets: where the broker is, and how to say what went wrong.
 *
 * One console for the process, on its only thread.
 */
#ifndef GANTRY_OPS_CONSOLE_CONSOLE_H
#define GANTRY_OPS_CONSOLE_CONSOLE_H

#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/io/bus.h"
#include "ops/console/args.h"
#include "ops/console/client.h"

#define EXIT_GANTRY 125 /* podman's code for what went wrong outside of the container */

struct console {
    const char *broker; /* URL */
    struct bus_tls tls;
    unsigned timeout_ms;
    const char *host;      /* of --host or GANTRY_HOST before the verb; NULL: none */
    char **argv;           /* all words of the command line, NULL-ended */
    struct client *client; /* NULL until the first question */
    struct arena arena;    /* for what lives as long as the verb runs */
    uint64_t client_id;    /* of our commands, random; 0 until the first */
    uint64_t sequence;     /* of the last command */
    uint64_t deadline;     /* of our commands, ns since 1970; 0: none */
    int exit_code;         /* what the process ends with; a verb that fails ends with 125 if 0 */
};

struct verb {
    struct args_usage usage;
    /* `argv[0]` is the verb. Negative errno: main says why. Otherwise console->exit_code holds. */
    int (*run)(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err);
};

/* The client, opened at the first call; owned by the console. */
int console_client(struct console *console, struct client **ret, struct error *err);

/* Print "gantry: Error: ..." for one of several objects, and go on: the exit code becomes 125
 * unless it is set already. */
void console_report(struct console *console, const struct error *err);

/* A note for the operator, on stderr. */
void console_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Fails when there is no operand, more than `max`, or fewer than `min`. */
int console_check_operands(const struct args_usage *usage, size_t count, size_t min, size_t max,
                           struct error *err);

void console_done(struct console *console);

#endif
