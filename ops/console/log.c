/* gantry log: what is done with the log itself. */
#include <errno.h>
#include <string.h>

#include "ops/console/verbs.h"

/* clang-format off */
static const struct verb log_verbs[] = {
    { { "log verify", "[--rebuild]", "Check the log, and the view that is made of it" }, log_verify },
    { { "log backup", "PATH", "Write a copy of the log to a new file on the broker's host" }, log_backup },
};
/* clang-format on */

#define LOG_VERB_COUNT (sizeof(log_verbs) / sizeof(*log_verbs))

/* For --help behind the verb alone. */
static const struct args_table no_options = { 0 };

int verb_log(struct console *console, const struct args_usage *usage, char **argv,
             struct error *err)
{
    struct text_list unused = { 0 };
    const char *word = argv[1];

    for (size_t i = 0; word != NULL && i < LOG_VERB_COUNT; i++) {
        if (strcmp(word, log_verbs[i].usage.verb + strlen("log ")) == 0)
            return log_verbs[i].run(console, &log_verbs[i].usage, argv + 1, err);
    }
    if (word != NULL && word[0] == '-') {
        int r = args_parse(&no_options, usage, argv, &unused, &console->arena, err);

        if (r != 0)
            return r < 0 ? r : 0;
    }
    return error_set(err, -EINVAL, "gantry log verify, or gantry log backup PATH");
}
