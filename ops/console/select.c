/* Which container, which host; see the header. */
#include "ops/console/select.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIST_SIZE 200

enum match { MATCH_NONE, MATCH_BEGINNING, MATCH_WHOLE };

/* "a, b, c", as far as it fits. */
struct name_list {
    char text[LIST_SIZE];
    size_t used;
};

static void list_add(struct name_list *list, const char *name)
{
    int written = snprintf(list->text + list->used, sizeof(list->text) - list->used, "%s%s",
                           list->used > 0 ? ", " : "", name);

    if (written > 0 && list->used + (size_t)written < sizeof(list->text))
        list->used += (size_t)written;
}

static enum match match_of(const struct container_row *row, const char *word)
{
    if (strcmp(row->id, word) == 0)
        return MATCH_WHOLE;
    if (row->config != NULL && strcmp(row->config->name, word) == 0)
        return MATCH_WHOLE;
    return strncmp(row->id, word, strlen(word)) == 0 ? MATCH_BEGINNING : MATCH_NONE;
}

/* Where the containers are that `word` matches as well as the best one. */
static void list_matches(const struct container_rows *rows, const char *word, enum match best,
                         struct name_list *ret)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct container_row *row = &rows->items[i];
        char place[96];

        if (match_of(row, word) != best)
            continue;
        (void)snprintf(place, sizeof(place), "%.12s on %.60s", row->id, row->host);
        list_add(ret, place);
    }
}

int select_container(const struct container_rows *rows, const char *word,
                     const struct container_row **ret, struct error *err)
{
    const struct container_row *found = NULL;
    enum match best = MATCH_NONE;
    size_t count = 0;

    for (size_t i = 0; *word != '\0' && i < rows->count; i++) {
        enum match match = match_of(&rows->items[i], word);

        if (match == MATCH_NONE || match < best)
            continue;
        count = match > best ? 1 : count + 1;
        best = match;
        found = &rows->items[i];
    }
    if (count == 0)
        return error_set(err, -ENOENT,
                         "no container with name or ID \"%s\" found: no such container", word);
    if (count > 1) {
        struct name_list places = { 0 };

        list_matches(rows, word, best, &places);
        return error_set(err, -ENOTUNIQ, "more than one result for container name or ID \"%s\": %s",
                         word, places.text);
    }
    *ret = found;
    return 0;
}

int select_host(const struct host_rows *hosts, const char *name, const char **ret,
                struct error *err)
{
    struct name_list names = { 0 };
    const struct host_row *only = NULL;
    size_t count = 0;

    for (size_t i = 0; i < hosts->count; i++) {
        if (hosts->items[i].state == HOST_LOST)
            continue; /* nothing can be done there */
        only = &hosts->items[i];
        list_add(&names, only->name);
        count++;
    }
    if (name != NULL) {
        const struct host_row *host = host_rows_find(hosts, name);

        if (host == NULL)
            return error_set(err, -ENOENT, "no host is called \"%s\"; there %s %s%s", name,
                             count == 1 ? "is" : "are", count > 0 ? names.text : "none",
                             count > 0 ? "" : " yet");
        *ret = host->name;
        return 0;
    }
    if (hosts->count == 0)
        return error_set(err, -ENOENT, "no worker has reported to this broker yet");
    if (count == 0)
        return error_set(err, -ENOENT, "all hosts are lost: start gantry-worker on one");
    if (count > 1)
        return error_set(err, -ENOTUNIQ, "choose a host by --host: %s", names.text);
    *ret = only->name;
    return 0;
}
