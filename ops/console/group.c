/* Verbs of two words; see the header. */
#include "ops/console/group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *second_word(const struct verb *verb)
{
    return strchr(verb->usage.verb, ' ') + 1;
}

static void print_help(const struct verb *verbs, size_t count, const char *first, FILE *out)
{
    (void)fprintf(out, "Usage:\n  gantry %s VERB [options] [arguments]\n\nVerbs:\n", first);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "  %-10s %s\n", second_word(&verbs[i]), verbs[i].usage.summary);
}

int group_run(struct console *console, const struct verb *verbs, size_t count, char **argv,
              struct error *err)
{
    const char *word = argv[1];

    for (size_t i = 0; word != NULL && i < count; i++) {
        if (strcmp(word, second_word(&verbs[i])) == 0)
            return verbs[i].run(console, &verbs[i].usage, argv + 1, err);
    }
    if (word != NULL && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
        print_help(verbs, count, argv[0], stdout);
        return 0;
    }
    if (word == NULL) {
        print_help(verbs, count, argv[0], stderr);
        return error_set(err, -EINVAL, "missing command 'gantry %s COMMAND'", argv[0]);
    }
    return error_set(err, -EINVAL, "unrecognized command `gantry %s %s`: try 'gantry %s --help'",
                     argv[0], word, argv[0]);
}

int group_confirm(const char *warning, bool *ret_is_wanted, struct error *err)
{
    char answer[16] = "";

    (void)printf("WARNING! %s\nAre you sure you want to continue? [y/N] ", warning);
    (void)fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) == NULL && ferror(stdin))
        return error_set(err, -EIO, "no answer can be read: say --force");
    *ret_is_wanted = answer[0] == 'y' || answer[0] == 'Y';
    return 0;
}
