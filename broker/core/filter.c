/* Which records a watcher wants; see the header. */
#include "broker/core/filter.h"

#include <string.h>

static bool matches_text(const char *wanted, const char *text)
{
    return strcmp(wanted, text) == 0;
}

static bool matches_type(const char *wanted, const char *type)
{
    size_t size = strlen(wanted);

    if (size > 0 && wanted[size - 1] == '.')
        return strncmp(wanted, type, size) == 0;
    return strcmp(wanted, type) == 0;
}

static bool is_wanted(const struct text_list *list, const char *text,
                      bool (*matches)(const char *wanted, const char *text))
{
    if (list->count == 0)
        return true;
    for (size_t i = 0; text != NULL && i < list->count; i++) {
        if (matches(list->items[i], text))
            return true;
    }
    return false;
}

bool filter_passes(const struct watch *watch, const struct record *record)
{
    return (watch->kind == 0 || watch->kind == record->kind) &&
           is_wanted(&watch->hosts, record->host, matches_text) &&
           is_wanted(&watch->containers, record->container, matches_text) &&
           is_wanted(&watch->types, record->type, matches_type);
}
