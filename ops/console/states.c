/* gantry states: the table that decides what an event does to a container, so it cannot lie. */
#include <stdio.h>

#include "common/fleet/container_state.h"
#include "ops/console/table.h"
#include "ops/console/verbs.h"

struct states_options {
    struct text_list operands;
    bool is_dot;
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct states_options, is_dot, ARG_FLAG, 0, "dot", NULL, "As a graph, for Graphviz"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct states_options, operands),
};

typedef void visit_fn(void *owner, enum container_state from, enum container_event event,
                      enum container_state to);

static void visit_all(visit_fn *visit, void *owner)
{
    for (int from = CONTAINER_UNKNOWN; from < CONTAINER_STATE_COUNT; from++) {
        for (int event = CONTAINER_EVENT_NONE + 1; event < CONTAINER_EVENT_COUNT; event++) {
            enum container_state to =
                container_state_after((enum container_state)from, (enum container_event)event);

            if (to != CONTAINER_STATE_COUNT)
                visit(owner, (enum container_state)from, (enum container_event)event, to);
        }
    }
}

struct printing {
    struct arena *arena;
    struct table *table;
};

static void add_row(void *owner, enum container_state from, enum container_event event,
                    enum container_state to)
{
    struct printing *printing = owner;

    table_add(printing->table,
              arena_printf(printing->arena, "%s\t%s\t%s", container_state_name(from),
                           container_event_type(event), container_state_name(to)));
}

static void print_edge(void *owner, enum container_state from, enum container_event event,
                       enum container_state to)
{
    (void)owner;
    printf("    \"%s\" -> \"%s\" [label=\"%s\"];\n", container_state_name(from),
           container_state_name(to), container_event_type(event));
}

int verb_states(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct states_options options = { 0 };
    struct printing printing = { .arena = &console->arena, .table = table_new(&console->arena) };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r < 0)
        return r;
    if (options.is_dot) {
        puts("digraph container {\n    rankdir=LR;");
        visit_all(print_edge, NULL);
        puts("}");
        return 0;
    }
    table_add(printing.table, "STATE\tEVENT\tNEXT");
    visit_all(add_row, &printing);
    table_print(printing.table, stdout);
    return 0;
}
