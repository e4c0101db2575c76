/* Names of images; see the header. */
#include "common/image_name.h"

#include <stdbool.h>
#include <string.h>

#define TAG_SIZE_MAX  128
#define DIGEST_DIGITS 64

static const char digits[] = "0123456789abcdef";
static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
static const char tag_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
static const char domain_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";

/* The pieces of a name as it was typed; each is a part of the text. */
struct pieces {
    const char *domain;
    size_t domain_size; /* 0: none was given */
    const char *path;
    size_t path_size;
    const char *tag; /* after the ':'; NULL: none */
    size_t tag_size;
    const char *digest; /* after the '@', to the end; NULL: none */
};

/* "web", "my-app", "a__b", "v1.2": letters and digits, with separators between them only. */
static bool is_path_part(const char *text, size_t size)
{
    size_t at = strspn(text, lower); /* ends at the separator behind the part at the latest */

    if (at == 0)
        return false;
    while (at < size) {
        size_t separators = strspn(text + at, "-");

        if (separators == 0)
            separators = text[at] == '.' || text[at] == '_' ? 1 : 0;
        if (separators == 1 && text[at] == '_' && text[at + 1] == '_')
            separators = 2;
        if (separators == 0 || at + separators >= size)
            return false;
        at += separators;
        if (strspn(text + at, lower) == 0)
            return false;
        at += strspn(text + at, lower);
    }
    return true;
}

static bool is_path(const char *text, size_t size)
{
    const char *end = text + size;

    if (size == 0)
        return false;
    while (text < end) {
        const char *slash = memchr(text, '/', (size_t)(end - text));
        size_t part = slash == NULL ? (size_t)(end - text) : (size_t)(slash - text);

        if (part == 0 || !is_path_part(text, part))
            return false;
        text += part + (slash == NULL ? 0 : 1);
        if (slash != NULL && text == end)
            return false;
    }
    return true;
}

static bool is_tag(const char *text, size_t size)
{
    return size > 0 && size <= TAG_SIZE_MAX && strspn(text, word) > 0 &&
           strspn(text, tag_letters) >= size;
}

static bool is_digest(const char *text)
{
    return strncmp(text, "sha256:", 7) == 0 && strspn(text + 7, digits) == DIGEST_DIGITS &&
           text[7 + DIGEST_DIGITS] == '\0';
}

static bool is_domain(const char *text, size_t size)
{
    return strspn(text, domain_letters) >= size && text[0] != '.' && text[0] != '-' &&
           text[0] != ':';
}

/* The first part is a registry if it could be no part of a path, or is this host. */
static bool looks_like_domain(const char *text, size_t size)
{
    return memchr(text, '.', size) != NULL || memchr(text, ':', size) != NULL ||
           (size == strlen("localhost") && memcmp(text, "localhost", size) == 0);
}

static void take_domain(struct pieces *pieces)
{
    const char *slash = memchr(pieces->path, '/', pieces->path_size);
    size_t size = slash == NULL ? 0 : (size_t)(slash - pieces->path);

    if (slash == NULL || !looks_like_domain(pieces->path, size))
        return;
    pieces->domain = pieces->path;
    pieces->domain_size = size;
    pieces->path = slash + 1;
    pieces->path_size -= size + 1;
}

static void take_tag(struct pieces *pieces)
{
    const char *colon = memchr(pieces->path, ':', pieces->path_size);

    if (colon == NULL)
        return;
    pieces->tag = colon + 1;
    pieces->tag_size = pieces->path_size - (size_t)(colon + 1 - pieces->path);
    pieces->path_size = (size_t)(colon - pieces->path);
}

static bool take_apart(const char *text, struct pieces *ret)
{
    const char *at = strchr(text, '@');

    *ret = (struct pieces){ .path = text, .digest = at == NULL ? NULL : at + 1 };
    ret->path_size = at == NULL ? strlen(text) : (size_t)(at - text);
    if (strlen(text) > IMAGE_NAME_SIZE_MAX)
        return false;
    take_domain(ret);
    take_tag(ret);
    return (ret->domain_size == 0 || is_domain(ret->domain, ret->domain_size)) &&
           is_path(ret->path, ret->path_size) &&
           (ret->tag == NULL || is_tag(ret->tag, ret->tag_size)) &&
           (ret->digest == NULL || is_digest(ret->digest));
}

static bool is_docker(const struct pieces *pieces)
{
    static const char *const names[] = { "docker.io", "index.docker.io" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (pieces->domain_size == strlen(names[i]) &&
            memcmp(pieces->domain, names[i], pieces->domain_size) == 0)
            return true;
    }
    return false;
}

static char *put_together(const struct pieces *pieces, const char *domain, struct arena *arena)
{
    bool is_official =
        strcmp(domain, "docker.io") == 0 && memchr(pieces->path, '/', pieces->path_size) == NULL;
    const char *between = is_official ? "library/" : "";

    if (pieces->digest != NULL)
        return arena_printf(arena, "%s/%s%.*s@%s", domain, between, (int)pieces->path_size,
                            pieces->path, pieces->digest);
    return arena_printf(arena, "%s/%s%.*s:%.*s", domain, between, (int)pieces->path_size,
                        pieces->path,
                        pieces->tag == NULL ? (int)strlen("latest") : (int)pieces->tag_size,
                        pieces->tag == NULL ? "latest" : pieces->tag);
}

static char *make_whole(const char *text, const char *otherwise, struct arena *arena)
{
    struct pieces pieces;
    const char *domain = otherwise;

    if (text == NULL || !take_apart(text, &pieces))
        return NULL;
    if (is_docker(&pieces))
        domain = "docker.io";
    else if (pieces.domain_size > 0)
        domain = arena_text_n(arena, pieces.domain, pieces.domain_size);
    return put_together(&pieces, domain, arena);
}

char *image_name_local(const char *text, struct arena *arena)
{
    return make_whole(text, "localhost", arena);
}

char *image_name_registry(const char *text, struct arena *arena)
{
    return make_whole(text, "docker.io", arena);
}
