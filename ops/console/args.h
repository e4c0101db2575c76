/*
 * The words behind a verb: options by one table, the rest as operands.
 *
 * The rules are those of podman's parser, which getopt_long cannot keep: no abbreviated names,
 * `--flag=false`, `-e=VALUE`, and a first operand that may end the options (run, create).
 */
#ifndef GANTRY_OPS_CONSOLE_ARGS_H
#define GANTRY_OPS_CONSOLE_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/error.h"
#include "schemas/schema.h"

enum arg_kind {
    ARG_FLAG,    /* bool: --name, --name=false */
    ARG_TEXT,    /* const char *: the last one counts */
    ARG_LIST,    /* struct text_list: each one is kept */
    ARG_NUMBER,  /* struct maybe_i64: the last one counts */
    ARG_REFUSED, /* podman knows it, Gantry does not: `help` is the sentence that says so */
};

struct arg_row {
    const char *name; /* "volume" */
    char letter;      /* 'v'; 0: none */
    enum arg_kind kind;
    size_t offset;     /* of the member in the struct of options */
    const char *value; /* what --help calls its value; NULL for a flag */
    const char *help;
};

#define ARG(owner, member, arg_kind_, arg_letter, arg_name, arg_value, arg_help)     \
    {                                                                                \
        .name = (arg_name), .letter = (arg_letter), .kind = (arg_kind_),             \
        .offset = offsetof(owner, member), .value = (arg_value), .help = (arg_help), \
    }
#define ARG_NOT_HERE(arg_letter, arg_name, arg_value, why)                                     \
    {                                                                                          \
        .name = (arg_name), .letter = (arg_letter), .kind = ARG_REFUSED, .value = (arg_value), \
        .help = (why),                                                                         \
    }

/* How a verb is called: its row in main's table. */
struct args_usage {
    const char *verb;
    const char *operands; /* "CONTAINER [CONTAINER...]"; may be "" */
    const char *summary;
};

struct args_table {
    const struct arg_row *rows;
    size_t count;
    size_t operands;    /* offset of a struct text_list for the operands */
    bool ends_at_first; /* options come before the first operand only */
};

/*
 * Fill `options`, the struct that the table is about, which the caller has set to its defaults.
 * Texts are borrowed from argv (argv[0] is the verb), lists are in `arena`. 0: go on; 1: --help was
 * answered on stdout. -EINVAL names the word.
 */
int args_parse(const struct args_table *table, const struct args_usage *usage, char **argv,
               void *options, struct arena *arena, struct error *err);

/* Append to a list whose items are in `arena`. */
void args_list_add(struct text_list *list, const char *text, struct arena *arena);

#endif
