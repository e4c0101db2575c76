/* What is different between two moments; see the header. */
#include "ops/console/differences.h"

#include <string.h>

#include "common/fleet/container_state.h"
#include "common/mem.h"

/* What is compared of a row: its value as a text, "" for none. */
struct aspect {
    const char *what;
    const char *(*text_of)(const void *row, struct arena *arena);
};

/* A kind of row: how its two lists are walked side by side. */
struct kind {
    const char *name;
    size_t row_size;
    const char *(*key_of)(const void *row);
    void (*describe)(const void *row, struct difference *ret);
    const char *(*summary_of)(const void *row, struct arena *arena); /* of one that came or went */
    const struct aspect *aspects;
    size_t aspect_count;
};

struct rows {
    const char *items;
    size_t count;
};

/* Differences while they are found. */
struct finder {
    const struct kind *kind;
    struct arena *arena;
    struct difference *items; /* on the heap while it grows */
    size_t count;
    size_t capacity;
};

static const char *number_text(uint64_t number, struct arena *arena)
{
    return number != 0 ? arena_printf(arena, "%llu", (unsigned long long)number) : "";
}

static const char *container_state_text(const void *row, struct arena *arena)
{
    const struct container_row *container = row;

    (void)arena;
    if (container->state == CONTAINER_UNKNOWN)
        return "being created";
    return container_state_name((enum container_state)container->state);
}

static const char *container_run_text(const void *row, struct arena *arena)
{
    return number_text(((const struct container_row *)row)->run, arena);
}

static const char *exit_code_text(const void *row, struct arena *arena)
{
    const struct container_row *container = row;

    if (!container->has_exited)
        return "";
    if (container->exit_unknown)
        return "unknown";
    return arena_printf(arena, "%d", container->exit_code);
}

static const char *out_of_memory_text(const void *row, struct arena *arena)
{
    (void)arena;
    return ((const struct container_row *)row)->oom_killed ? "yes" : "";
}

static const char *restarts_text(const void *row, struct arena *arena)
{
    return number_text(((const struct container_row *)row)->restart_count, arena);
}

static const char *failure_text(const void *row, struct arena *arena)
{
    const char *failure = ((const struct container_row *)row)->failure;

    (void)arena;
    return failure != NULL ? failure : "";
}

static const char *container_name(const struct container_row *container)
{
    return container->config != NULL ? container->config->name : "";
}

static const char *container_name_text(const void *row, struct arena *arena)
{
    (void)arena;
    return container_name(row);
}

static const char *container_key(const void *row)
{
    return ((const struct container_row *)row)->id;
}

static void describe_container(const void *row, struct difference *ret)
{
    const struct container_row *container = row;

    ret->id = container->id;
    ret->name = container_name(container);
    ret->host = container->host;
}

/* "exited (137), run 3" */
static const char *container_summary(const void *row, struct arena *arena)
{
    const char *state = container_state_text(row, arena);
    const char *exit_code = exit_code_text(row, arena);
    const char *run = container_run_text(row, arena);
    char *text = arena_text(arena, state);

    if (*exit_code != '\0')
        text = arena_printf(arena, "%s (%s)", text, exit_code);
    return *run != '\0' ? arena_printf(arena, "%s, run %s", text, run) : text;
}

static const struct aspect container_aspects[] = {
    { "state", container_state_text }, { "run", container_run_text },
    { "exit code", exit_code_text },   { "out of memory", out_of_memory_text },
    { "restarts", restarts_text },     { "start failure", failure_text },
    { "name", container_name_text },
};

static const struct host_facts no_facts;

static const struct host_facts *facts_of(const void *row)
{
    const struct host_row *host = row;

    return host->facts != NULL ? host->facts : &no_facts;
}

static const char *text_or_none(const char *text)
{
    return text != NULL ? text : "";
}

static const char *host_state_text(const void *row, struct arena *arena)
{
    (void)arena;
    return host_state_name(((const struct host_row *)row)->state);
}

/* The worker was started so many times. */
static const char *incarnation_text(const void *row, struct arena *arena)
{
    return number_text(((const struct host_row *)row)->incarnation, arena);
}

static const char *journal_text(const void *row, struct arena *arena)
{
    char *text = arena_zeroed(arena, 2 * COMMAND_ID_SIZE + 1);

    hex_write(((const struct host_row *)row)->journal.bytes, COMMAND_ID_SIZE, text);
    return text;
}

static const char *boot_text(const void *row, struct arena *arena)
{
    (void)arena;
    return text_or_none(facts_of(row)->boot_id);
}

static const char *kernel_text(const void *row, struct arena *arena)
{
    (void)arena;
    return text_or_none(facts_of(row)->kernel);
}

static const char *version_text(const void *row, struct arena *arena)
{
    (void)arena;
    return text_or_none(facts_of(row)->version);
}

static const char *host_key(const void *row)
{
    return ((const struct host_row *)row)->name;
}

static void describe_host(const void *row, struct difference *ret)
{
    const struct host_row *host = row;

    ret->id = "";
    ret->name = host->name;
    ret->host = host->name;
}

static const struct aspect host_aspects[] = {
    { "state", host_state_text }, { "worker starts", incarnation_text },
    { "journal", journal_text },  { "boot", boot_text },
    { "kernel", kernel_text },    { "version", version_text },
};

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct kind host_kind = { .name = "host",
                                       .row_size = sizeof(struct host_row),
                                       .key_of = host_key,
                                       .describe = describe_host,
                                       .summary_of = host_state_text,
                                       .aspects = host_aspects,
                                       .aspect_count = COUNT_OF(host_aspects) };

static const struct kind container_kind = { .name = "container",
                                            .row_size = sizeof(struct container_row),
                                            .key_of = container_key,
                                            .describe = describe_container,
                                            .summary_of = container_summary,
                                            .aspects = container_aspects,
                                            .aspect_count = COUNT_OF(container_aspects) };

static struct difference *add(struct finder *finder, const void *row, const char *what)
{
    struct difference *added;

    if (finder->count == finder->capacity) {
        finder->capacity = finder->capacity == 0 ? 64 : finder->capacity * 2;
        finder->items = mem_resized(finder->items, finder->capacity * sizeof(*finder->items));
    }
    added = &finder->items[finder->count++];
    *added = (struct difference){ .kind = finder->kind->name, .what = what, .from = "", .to = "" };
    finder->kind->describe(row, added);
    return added;
}

static void compare_aspects(struct finder *finder, const void *from, const void *to)
{
    for (size_t i = 0; i < finder->kind->aspect_count; i++) {
        const struct aspect *aspect = &finder->kind->aspects[i];
        const char *before = aspect->text_of(from, finder->arena);
        const char *after = aspect->text_of(to, finder->arena);
        struct difference *added;

        if (strcmp(before, after) == 0)
            continue;
        added = add(finder, to, aspect->what);
        added->from = before;
        added->to = after;
    }
}

/* One of them may be NULL: it was not there. */
static void compare(struct finder *finder, const void *from, const void *to)
{
    const struct kind *kind = finder->kind;

    if (from == NULL)
        add(finder, to, "appeared")->to = kind->summary_of(to, finder->arena);
    else if (to == NULL)
        add(finder, from, "removed")->from = kind->summary_of(from, finder->arena);
    else
        compare_aspects(finder, from, to);
}

/* Both lists are in order of their keys: what one of them lacks shows by the way. */
static void walk(struct finder *finder, const struct rows *from, const struct rows *to)
{
    const struct kind *kind = finder->kind;
    size_t i = 0;
    size_t j = 0;

    while (i < from->count || j < to->count) {
        const char *before = i < from->count ? from->items + i * kind->row_size : NULL;
        const char *after = j < to->count ? to->items + j * kind->row_size : NULL;
        int order = before == NULL  ? 1
                    : after == NULL ? -1
                                    : strcmp(kind->key_of(before), kind->key_of(after));

        compare(finder, order <= 0 ? before : NULL, order >= 0 ? after : NULL);
        i += order <= 0;
        j += order >= 0;
    }
}

static struct rows rows_of(const void *items, size_t count)
{
    return (struct rows){ .items = items, .count = count };
}

void differences_find(const struct fleet_rows *from, const struct fleet_rows *to,
                      struct differences *ret, struct arena *arena)
{
    const struct rows hosts_before = rows_of(from->hosts.items, from->hosts.count);
    const struct rows hosts_after = rows_of(to->hosts.items, to->hosts.count);
    const struct rows before = rows_of(from->containers.items, from->containers.count);
    const struct rows after = rows_of(to->containers.items, to->containers.count);
    struct finder finder = { .arena = arena };

    finder.kind = &host_kind;
    walk(&finder, &hosts_before, &hosts_after);
    finder.kind = &container_kind;
    walk(&finder, &before, &after);
    ret->count = finder.count;
    ret->items = arena_zeroed(arena, finder.count * sizeof(*ret->items));
    if (finder.count > 0)
        memcpy(ret->items, finder.items, finder.count * sizeof(*ret->items));
    free(finder.items);
}
