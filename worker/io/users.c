/* Users and groups of a root filesystem; see the header. */
#include "worker/io/users.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 7
#define HOME_MAX    4096

/* A line of passwd or group, its columns cut at the colons; borrowed from the text. */
struct line {
    struct {
        const char *text;
        size_t size;
    } columns[COLUMNS_MAX];
    size_t count;
};

enum { NAME_COLUMN = 0, ID_COLUMN = 2, GID_COLUMN = 3, MEMBERS_COLUMN = 3, HOME_COLUMN = 5 };

/* Take the next line off `text`; false at its end. */
static bool next_line(const char **text, struct line *ret)
{
    const char *end = strchrnul(*text, '\n');
    const char *at = *text;

    if (*at == '\0')
        return false;
    *ret = (struct line){ 0 };
    while (ret->count < COLUMNS_MAX) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon == NULL ? end : colon;

        ret->columns[ret->count].text = at;
        ret->columns[ret->count].size = (size_t)(stop - at);
        ret->count++;
        if (colon == NULL)
            break;
        at = colon + 1;
    }
    *text = *end == '\0' ? end : end + 1;
    return true;
}

/* Digits alone, at most what an id can be (the last is the kernel's "none"). */
static bool parse_id(const char *text, size_t size, uint32_t *ret)
{
    uint64_t value = 0;

    if (size == 0 || size > 10)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value >= UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool column_id(const struct line *line, size_t column, uint32_t *ret)
{
    return column < line->count &&
           parse_id(line->columns[column].text, line->columns[column].size, ret);
}

static bool column_is(const struct line *line, size_t column, const char *text, size_t size)
{
    return column < line->count && line->columns[column].size == size &&
           memcmp(line->columns[column].text, text, size) == 0;
}

/* The first line whose name is `word`, or whose number it is. */
static bool find_line(const char *text, const char *word, size_t word_size, struct line *ret)
{
    uint32_t wanted = 0;
    uint32_t id = 0;
    bool is_number = parse_id(word, word_size, &wanted);

    while (text != NULL && next_line(&text, ret)) {
        if (!column_id(ret, ID_COLUMN, &id))
            continue;
        if (column_is(ret, NAME_COLUMN, word, word_size) || (is_number && id == wanted))
            return true;
    }
    return false;
}

/* The file is a stranger's: a home that is no clean absolute path is none. */
static bool is_clean_path(const char *text, size_t size)
{
    if (size == 0 || size > HOME_MAX || text[0] != '/')
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isprint((unsigned char)text[i]) || !isascii((unsigned char)text[i]))
            return false;
    }
    return true;
}

static bool has_member(const struct line *line, const char *name, size_t name_size)
{
    const char *at;
    const char *end;

    if (line->count <= MEMBERS_COLUMN)
        return false;
    at = line->columns[MEMBERS_COLUMN].text;
    end = at + line->columns[MEMBERS_COLUMN].size;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;

        if ((size_t)(stop - at) == name_size && memcmp(at, name, name_size) == 0)
            return true;
        at = stop + 1;
    }
    return false;
}

static void add_memberships(const char *group, const struct line *user, struct arena *arena,
                            struct user_identity *identity)
{
    struct line line;
    uint32_t gid = 0;

    identity->more_gids = arena_zeroed(arena, USER_GROUPS_MAX * sizeof(*identity->more_gids));
    while (group != NULL && identity->more_gid_count < USER_GROUPS_MAX &&
           next_line(&group, &line)) {
        if (column_id(&line, ID_COLUMN, &gid) &&
            has_member(&line, user->columns[NAME_COLUMN].text, user->columns[NAME_COLUMN].size))
            identity->more_gids[identity->more_gid_count++] = gid;
    }
}

static int resolve_group(const char *word, const char *group, uint32_t *ret, struct error *err)
{
    struct line line;

    if (find_line(group, word, strlen(word), &line)) {
        (void)column_id(&line, ID_COLUMN, ret);
        return 0;
    }
    if (parse_id(word, strlen(word), ret))
        return 0;
    return error_set(err, -ENOENT, "no group is called \"%s\" in the container's /etc/group", word);
}

int user_resolve(const char *user, const char *passwd, const char *group, struct arena *arena,
                 struct user_identity *ret, struct error *err)
{
    const char *word = user == NULL || user[0] == '\0' ? "0" : user;
    const char *colon = strchr(word, ':');
    size_t size = colon == NULL ? strlen(word) : (size_t)(colon - word);
    struct user_identity identity = { .home = "/" };
    struct line line = { 0 };
    bool is_listed = find_line(passwd, word, size, &line);

    if (is_listed)
        (void)column_id(&line, ID_COLUMN, &identity.uid);
    else if (size == 0)
        return error_set(err, -EINVAL, "user \"%s\" has no name", word);
    else if (!parse_id(word, size, &identity.uid))
        return error_set(err, -ENOENT, "no user is called \"%.*s\" in the container's /etc/passwd",
                         (int)size, word);

    if (is_listed && !column_id(&line, GID_COLUMN, &identity.gid))
        identity.gid = 0;
    if (line.count > HOME_COLUMN &&
        is_clean_path(line.columns[HOME_COLUMN].text, line.columns[HOME_COLUMN].size))
        identity.home =
            arena_text_n(arena, line.columns[HOME_COLUMN].text, line.columns[HOME_COLUMN].size);
    if (colon == NULL && is_listed)
        add_memberships(group, &line, arena, &identity);
    if (colon != NULL) {
        int r = resolve_group(colon + 1, group, &identity.gid, err);

        if (r < 0)
            return r;
    }
    *ret = identity;
    return 0;
}

bool user_is_listed(const char *text, uint32_t id)
{
    struct line line;
    uint32_t listed;

    while (text != NULL && next_line(&text, &line)) {
        if (column_id(&line, ID_COLUMN, &listed) && listed == id)
            return true;
    }
    return false;
}
