/* Which image, which volume; see select.h. */
#include "ops/console/select.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/image_name.h"

#define ID_DIGITS_MIN 3 /* of the beginning of an id */

struct image_word {
    const char *text;
    const char *local;      /* NULL: it is no name */
    const char *registered; /* NULL: it is no name */
    const char *digest;     /* "sha256:..." behind an @, or the whole word; NULL: none */
    const char *digits;     /* of an id; NULL: none */
};

static void read_word(const char *text, struct image_word *ret, struct arena *arena)
{
    static const char prefix[] = "sha256:";
    const char *at = strchr(text, '@');
    bool has_prefix = strncmp(text, prefix, strlen(prefix)) == 0;
    const char *digits = has_prefix ? text + strlen(prefix) : text;

    *ret = (struct image_word){ .text = text };
    ret->local = image_name_local(text, arena);
    ret->registered = image_name_registry(text, arena);
    if (at != NULL || has_prefix)
        ret->digest = at != NULL ? at + 1 : text;
    if (strlen(digits) >= ID_DIGITS_MIN && strspn(digits, "0123456789abcdef") == strlen(digits))
        ret->digits = digits;
}

/* The ways a word can mean an image, the strongest first. */
enum image_match { MATCH_LOCAL, MATCH_REGISTERED, MATCH_DIGEST, MATCH_ID, MATCH_COUNT };

static bool matches(const struct image *image, const struct image_word *word,
                    enum image_match match)
{
    switch (match) {
    case MATCH_LOCAL:
        return text_list_has(&image->names, word->local);
    case MATCH_REGISTERED:
        return text_list_has(&image->names, word->registered);
    case MATCH_DIGEST:
        return word->digest != NULL && image->digest != NULL &&
               strcmp(image->digest, word->digest) == 0;
    case MATCH_ID:
        return word->digits != NULL && strncmp(image->id, word->digits, strlen(word->digits)) == 0;
    case MATCH_COUNT:
        break;
    }
    return false;
}

struct places {
    size_t count;
    bool is_of_several_hosts;
    const char *first_host;
    char text[ERROR_TEXT_MAX / 2];
};

static void add_place(struct places *places, const char *host)
{
    size_t size = strlen(places->text);

    if (places->count++ == 0)
        places->first_host = host;
    else if (strcmp(places->first_host, host) != 0)
        places->is_of_several_hosts = true;
    (void)snprintf(places->text + size, sizeof(places->text) - size, "%s%s", size > 0 ? ", " : "",
                   host);
}

static int refuse_several(const char *what, const char *word, const struct places *places,
                          struct error *err)
{
    if (places->is_of_several_hosts)
        return error_set(err, -ENOTUNIQ, "several hosts have %s %s, choose one by --host: %s", what,
                         word, places->text);
    return error_set(err, -ENOTUNIQ, "%zu %ss of host %s have ids that begin with %s",
                     places->count, what, places->first_host, word);
}

int select_image(const struct image_rows *rows, const char *text, const struct image_row **ret,
                 struct error *err)
{
    autoarena arena = { 0 };
    const struct image_row *found = NULL;
    struct places places = { 0 };
    struct image_word word;

    read_word(text, &word, &arena);
    for (unsigned match = 0; match < MATCH_COUNT && places.count == 0; match++) {
        for (size_t i = 0; i < rows->count; i++) {
            if (rows->items[i].image == NULL ||
                !matches(rows->items[i].image, &word, (enum image_match)match))
                continue;
            found = &rows->items[i];
            add_place(&places, rows->items[i].host);
        }
    }
    if (places.count == 0)
        return error_set(err, -ENOENT, "%s: image not known", text);
    if (places.count > 1)
        return refuse_several("image", text, &places, err);
    *ret = found;
    return 0;
}

int select_volume(const struct volume_rows *rows, const char *name, const struct volume_row **ret,
                  struct error *err)
{
    const struct volume_row *found = NULL;
    struct places places = { 0 };

    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].volume == NULL || strcmp(rows->items[i].volume->name, name) != 0)
            continue;
        found = &rows->items[i];
        add_place(&places, rows->items[i].host);
    }
    if (places.count == 0)
        return error_set(err, -ENOENT, "no volume with name \"%s\" found: no such volume", name);
    if (places.count > 1)
        return refuse_several("volume", name, &places, err);
    *ret = found;
    return 0;
}
