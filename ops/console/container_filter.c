/* ps --filter; see the header. */
#include "ops/console/container_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fleet/container_state.h"

struct filter_kind {
    const char *key;
    bool all_must_hold; /* several of this kind: all, not any */
    bool (*passes)(const struct container_row *row, const char *value);
    bool (*is_valid)(const char *value); /* NULL: anything is */
};

static bool passes_id(const struct container_row *row, const char *value)
{
    return strncmp(row->id, value, strlen(value)) == 0;
}

static bool passes_name(const struct container_row *row, const char *value)
{
    return row->config != NULL && strstr(row->config->name, value) != NULL;
}

static bool passes_host(const struct container_row *row, const char *value)
{
    return strcmp(row->host, value) == 0;
}

/* podman calls created what was made and never initialized; so both count. */
static bool passes_status(const struct container_row *row, const char *value)
{
    if (strcmp(value, "created") == 0)
        return row->state == CONTAINER_CONFIGURED || row->state == CONTAINER_CREATED;
    if (strcmp(value, "initialized") == 0)
        return row->state == CONTAINER_CREATED;
    if (strcmp(value, "exited") == 0)
        return row->state == CONTAINER_EXITED || row->state == CONTAINER_STOPPED;
    return strcmp(value, container_state_name((enum container_state)row->state)) == 0;
}

static bool is_status(const char *value)
{
    enum container_state state;

    return strcmp(value, "initialized") == 0 || container_state_parse(value, &state);
}

/* "key" or "key=value" */
static bool passes_label(const struct container_row *row, const char *value)
{
    size_t key_size = strcspn(value, "=");
    const struct text_map *labels;

    if (row->config == NULL)
        return false;
    labels = &row->config->labels;
    for (size_t i = 0; i < labels->count; i++) {
        const struct text_pair *label = &labels->items[i];

        if (strlen(label->key) != key_size || memcmp(label->key, value, key_size) != 0)
            continue;
        if (value[key_size] == '\0' || strcmp(label->value, value + key_size + 1) == 0)
            return true;
    }
    return false;
}

static bool passes_exited(const struct container_row *row, const char *value)
{
    bool has_ended = row->state == CONTAINER_STOPPED || row->state == CONTAINER_EXITED;

    return has_ended && !row->exit_unknown && row->exit_code == strtol(value, NULL, 10);
}

static bool is_exit_code(const char *value)
{
    return *value != '\0' && strspn(value, "0123456789") == strlen(value) && strlen(value) < 4;
}

/* clang-format off */
static const struct filter_kind kinds[] = {
    { "id",     false, passes_id,     NULL },
    { "name",   false, passes_name,   NULL },
    { "host",   false, passes_host,   NULL },
    { "status", false, passes_status, is_status },
    { "label",  true,  passes_label,  NULL },
    { "exited", false, passes_exited, is_exit_code },
};
/* clang-format on */
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

/* The kind of a word, and its value; NULL when it is of none. */
static const struct filter_kind *kind_of(const char *word, const char **ret_value)
{
    size_t size = strcspn(word, "=");

    for (size_t i = 0; i < KIND_COUNT && word[size] == '='; i++) {
        if (strlen(kinds[i].key) != size || memcmp(kinds[i].key, word, size) != 0)
            continue;
        *ret_value = word + size + 1;
        return &kinds[i];
    }
    return NULL;
}

int container_filter_check(const struct text_list *filters, struct error *err)
{
    for (size_t i = 0; i < filters->count; i++) {
        const char *value = NULL;
        const struct filter_kind *kind = kind_of(filters->items[i], &value);

        if (kind == NULL)
            return error_set(err, -EINVAL, "invalid filter \"%s\"", filters->items[i]);
        if (kind->is_valid != NULL && !kind->is_valid(value))
            return error_set(err, -EINVAL, "invalid filter \"%s\": not a value of %s",
                             filters->items[i], kind->key);
    }
    return 0;
}

static bool kind_passes(const struct filter_kind *kind, const struct text_list *filters,
                        const struct container_row *row)
{
    size_t given = 0;
    size_t held = 0;

    for (size_t i = 0; i < filters->count; i++) {
        const char *value = NULL;

        if (kind_of(filters->items[i], &value) != kind)
            continue;
        given++;
        held += kind->passes(row, value);
    }
    return kind->all_must_hold ? held == given : given == 0 || held > 0;
}

bool container_filter_passes(const struct text_list *filters, const struct container_row *row)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!kind_passes(&kinds[i], filters, row))
            return false;
    }
    return true;
}
