/* Changes of an image's configuration; see the header. */
#include "worker/io/image_changes.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "common/auto.h"
#include "worker/io/spec_json.h"

struct change {
    struct arena *arena;
    struct oci_config *config;
    const char *value;
};

typedef int change_fn(const struct change *change, struct error *err);

static void add_text(struct text_list *list, const char *text, struct arena *arena)
{
    char **items = arena_zeroed(arena, (list->count + 1) * sizeof(*items));

    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    items[list->count] = arena_text(arena, text);
    *list = (struct text_list){ .items = items, .count = list->count + 1 };
}

/* A JSON list of words, or NULL. */
static json_t *read_list(const char *value)
{
    json_t *list = value[0] == '[' ? json_loads(value, 0, NULL) : NULL;
    size_t index;
    json_t *item;

    if (list == NULL)
        return NULL;
    json_array_foreach(list, index, item)
    {
        if (!json_is_string(item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* What is no list is for a shell. */
static void set_words(const struct change *change, struct text_list *ret)
{
    autojson *list = read_list(change->value);
    size_t index;
    json_t *item;

    *ret = (struct text_list){ 0 };
    if (list == NULL) {
        add_text(ret, "/bin/sh", change->arena);
        add_text(ret, "-c", change->arena);
        add_text(ret, change->value, change->arena);
        return;
    }
    json_array_foreach(list, index, item)
    {
        add_text(ret, json_string_value(item), change->arena);
    }
}

static int change_command(const struct change *change, struct error *err)
{
    (void)err;
    set_words(change, &change->config->cmd);
    return 0;
}

static int change_entrypoint(const struct change *change, struct error *err)
{
    (void)err;
    set_words(change, &change->config->entrypoint);
    return 0;
}

/* "NAME=value", or as in a Containerfile "NAME value"; the name's size in `ret`. */
static char *read_pair(const struct change *change, size_t *ret, struct error *err)
{
    char *pair = arena_text(change->arena, change->value);
    size_t size = strcspn(pair, "= ");

    if (size == 0 || pair[size] == '\0') {
        (void)error_set(err, -EINVAL, "'%s' is not NAME=value", change->value);
        return NULL;
    }
    pair[size] = '=';
    *ret = size;
    return pair;
}

static int change_env(const struct change *change, struct error *err)
{
    struct text_list kept = { 0 };
    size_t size = 0;
    char *pair = read_pair(change, &size, err);

    if (pair == NULL)
        return err->code;
    for (size_t i = 0; i < change->config->env.count; i++) {
        if (strncmp(change->config->env.items[i], pair, size + 1) != 0)
            add_text(&kept, change->config->env.items[i], change->arena);
    }
    add_text(&kept, pair, change->arena);
    change->config->env = kept;
    return 0;
}

static int change_label(const struct change *change, struct error *err)
{
    const struct text_map *from = &change->config->labels;
    struct text_map labels = { 0 };
    size_t size = 0;
    char *pair = read_pair(change, &size, err);

    if (pair == NULL)
        return err->code;
    pair[size] = '\0';
    labels.items = arena_zeroed(change->arena, (from->count + 1) * sizeof(*labels.items));
    for (size_t i = 0; i < from->count; i++) {
        if (strcmp(from->items[i].key, pair) != 0)
            labels.items[labels.count++] = from->items[i];
    }
    labels.items[labels.count].key = pair;
    labels.items[labels.count++].value = pair + size + 1;
    change->config->labels = labels;
    return 0;
}

/* One word, or a JSON list of words. */
static void add_words(const struct change *change, struct text_list *ret)
{
    autojson *list = read_list(change->value);
    size_t index;
    json_t *item;

    if (list == NULL)
        add_text(ret, change->value, change->arena);
    json_array_foreach(list, index, item)
    {
        add_text(ret, json_string_value(item), change->arena);
    }
}

static int change_expose(const struct change *change, struct error *err)
{
    const char *port = change->value;

    if (strspn(port, "0123456789") == 0)
        return error_set(err, -EINVAL, "'%s' is no port, like 80 or 53/udp", port);
    if (strchr(port, '/') == NULL)
        port = arena_printf(change->arena, "%s/tcp", port);
    add_text(&change->config->exposed_ports, port, change->arena);
    return 0;
}

static int change_volume(const struct change *change, struct error *err)
{
    (void)err;
    add_words(change, &change->config->volumes);
    return 0;
}

static int change_stop_signal(const struct change *change, struct error *err)
{
    (void)err;
    change->config->stop_signal = arena_text(change->arena, change->value);
    return 0;
}

static int change_user(const struct change *change, struct error *err)
{
    (void)err;
    change->config->user = arena_text(change->arena, change->value);
    return 0;
}

static int change_workdir(const struct change *change, struct error *err)
{
    if (change->value[0] != '/')
        return error_set(err, -EINVAL, "'%s' is no absolute path", change->value);
    change->config->workdir = arena_text(change->arena, change->value);
    return 0;
}

/* clang-format off */
static const struct instruction {
    const char *name;
    change_fn *apply;
} instructions[] = {
    { "CMD",        change_command },
    { "ENTRYPOINT", change_entrypoint },
    { "ENV",        change_env },
    { "EXPOSE",     change_expose },
    { "LABEL",      change_label },
    { "STOPSIGNAL", change_stop_signal },
    { "USER",       change_user },
    { "VOLUME",     change_volume },
    { "WORKDIR",    change_workdir },
};
/* clang-format on */

static int apply(const char *text, struct arena *arena, struct oci_config *config,
                 struct error *err)
{
    size_t size = strcspn(text, "= ");
    struct change change = { .arena = arena, .config = config };

    for (size_t i = 0; i < sizeof(instructions) / sizeof(*instructions); i++) {
        if (strlen(instructions[i].name) != size ||
            strncasecmp(text, instructions[i].name, size) != 0)
            continue;
        change.value = text + size + strspn(text + size, "= ");
        if (change.value[0] == '\0')
            return error_set(err, -EINVAL, "it says nothing after %s", instructions[i].name);
        return instructions[i].apply(&change, err);
    }
    return error_set(
        err, -EINVAL,
        "use CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR");
}

int image_changes_apply(const struct text_list *changes, struct arena *arena,
                        struct oci_config *config, struct error *err)
{
    for (size_t i = 0; i < changes->count; i++) {
        int r = apply(changes->items[i], arena, config, err);

        if (r < 0)
            return error_add_context(err, r, "change \"%s\"", changes->items[i]);
    }
    return 0;
}
