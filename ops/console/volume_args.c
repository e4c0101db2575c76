/* What is said to the volume verbs; see the header. */
#include "ops/console/volume_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/id.h"

static void set_pair(struct text_map *map, char *key, char *value)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->items[i].key, key) == 0) {
            map->items[i].value = value;
            return;
        }
    }
    map->items[map->count++] = (struct text_pair){ .key = key, .value = value };
}

static int take_labels(const struct text_list *words, struct arena *arena, struct text_map *ret,
                       struct error *err)
{
    ret->items = arena_zeroed(arena, words->count * sizeof(*ret->items));
    for (size_t i = 0; i < words->count; i++) {
        char *value = arena_text(arena, words->items[i]);
        char *key = strsep(&value, "=");

        if (*key == '\0')
            return error_set(err, -EINVAL, "--label %s: the key is empty", words->items[i]);
        set_pair(ret, key, value != NULL ? value : key + strlen(key));
    }
    return 0;
}

static int take_number(const char *word, struct maybe_u32 *ret, struct error *err)
{
    const char *text = strchr(word, '=') + 1;
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number > UINT32_MAX)
        return error_set(err, -EINVAL, "--opt %s: no number of a user or group", word);
    *ret = (struct maybe_u32){ .is_set = true, .value = (uint32_t)number };
    return 0;
}

/* podman: "uid=" and "gid=" may stand by themselves, or within "o". */
static int take_o(char *words, struct volume *volume, struct arena *arena, char **ret,
                  struct error *err)
{
    char *kept = arena_text(arena, "");
    char *word;
    int r = 0;

    while (r == 0 && (word = strsep(&words, ",")) != NULL) {
        if (strncmp(word, "uid=", 4) == 0)
            r = take_number(word, &volume->uid, err);
        else if (strncmp(word, "gid=", 4) == 0)
            r = take_number(word, &volume->gid, err);
        else if (*word != '\0')
            kept = arena_printf(arena, "%s%s%s", kept, *kept != '\0' ? "," : "", word);
    }
    *ret = kept;
    return r;
}

static int take_option(const char *word, struct volume *volume, struct arena *arena,
                       struct error *err)
{
    char *value = arena_text(arena, word);
    char *key = strsep(&value, "=");
    int r = 0;

    if (value == NULL)
        return error_set(err, -EINVAL, "--opt %s: give KEY=VALUE", word);
    if (strcmp(key, "uid") == 0 || strcmp(key, "UID") == 0)
        return take_number(word, &volume->uid, err);
    if (strcmp(key, "gid") == 0 || strcmp(key, "GID") == 0)
        return take_number(word, &volume->gid, err);
    if (strcmp(key, "o") == 0)
        r = take_o(value, volume, arena, &value, err);
    else if (strcmp(key, "type") != 0 && strcmp(key, "device") != 0)
        r = error_set(err, -EINVAL, "invalid mount option %s for driver 'local'", key);
    if (r == 0 && *value != '\0')
        set_pair(&volume->options, key, value);
    return r;
}

int volume_args_take(const struct volume_options *options, const char *made_name,
                     struct arena *arena, struct volume *ret, struct error *err)
{
    const char *name = options->operands.count > 0 ? options->operands.items[0] : made_name;
    struct volume volume = { .name = arena_text(arena, name) };
    int r = 0;

    if (options->driver != NULL && strcmp(options->driver, "local") != 0)
        return error_set(err, -EOPNOTSUPP, "--driver %s: there is only \"local\"", options->driver);
    if (!name_is_valid(name))
        return error_set(err, -EINVAL, "name \"%s\": names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
                         name);
    volume.options.items =
        arena_zeroed(arena, (options->options.count + 1) * sizeof(*volume.options.items));
    for (size_t i = 0; r == 0 && i < options->options.count; i++)
        r = take_option(options->options.items[i], &volume, arena, err);
    if (r == 0)
        r = take_labels(&options->labels, arena, &volume.labels, err);
    if (r == 0)
        *ret = volume;
    return r;
}
