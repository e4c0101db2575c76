/* Names of images; see the header. */
#include "common/image_name.h"

#include <errno.h>
#include <string.h>

#include "common/id.h"

#define TAG_SIZE_MAX 128
#define LOCAL        "localhost"
#define HUB          "docker.io"
#define HUB_LIBRARY  "library/"

#define LOWER_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool has_only(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

/* A part of a path: lower-case words, with ".", "_", "__" or any number of "-" in between. */
static bool is_part(const char *part, size_t size)
{
    size_t at = 0;

    while (true) {
        size_t word = 0;
        size_t gap = 0;

        while (at + word < size && strchr(LOWER_ALNUM, part[at + word]) != NULL)
            word++;
        at += word;
        if (word == 0 || at == size)
            return word > 0;
        while (at + gap < size && part[at + gap] == part[at] && strchr("._-", part[at]) != NULL)
            gap++;
        if (gap == 0 || (part[at] == '.' && gap > 1) || (part[at] == '_' && gap > 2))
            return false;
        at += gap;
    }
}

static bool is_path(const char *path)
{
    for (;;) {
        size_t size = strcspn(path, "/");

        if (size == 0 || !is_part(path, size))
            return false;
        if (path[size] == '\0')
            return true;
        path += size + 1;
    }
}

static bool is_tag(const char *tag)
{
    return tag[0] != '\0' && tag[0] != '.' && tag[0] != '-' && strlen(tag) <= TAG_SIZE_MAX &&
           has_only(tag, LOWER_ALNUM UPPER "_.-");
}

static bool is_domain(const char *domain)
{
    const char *port = strchr(domain, ':');

    if (domain[0] == '.' || domain[0] == '-' || domain[0] == ':' || domain[0] == '\0')
        return false;
    if (port != NULL && (port[1] == '\0' || !has_only(port + 1, "0123456789")))
        return false;
    return domain[strspn(domain, LOWER_ALNUM UPPER ".-")] == (port == NULL ? '\0' : ':');
}

/* The first part of a name is a domain when it looks like one. */
static bool looks_like_domain(const char *part)
{
    return strpbrk(part, ".:") != NULL || strcmp(part, "localhost") == 0;
}

/* Cuts `rest` at the domain's slash. */
static void split_domain(char *rest, struct image_name *name)
{
    char *slash = strchr(rest, '/');

    name->path = rest;
    if (slash == NULL)
        return;
    *slash = '\0';
    if (looks_like_domain(rest)) {
        name->domain = rest;
        name->path = slash + 1;
    } else {
        *slash = '/';
    }
}

static void split_tag(struct image_name *name)
{
    char *last = strrchr(name->path, '/');
    char *colon = strchr(last == NULL ? name->path : last, ':');

    if (colon == NULL)
        return;
    *colon = '\0';
    name->tag = colon + 1;
}

/* The digits of "sha256:..."; NULL for anything else. */
static const char *digest_digits(const char *digest)
{
    static const char prefix[] = "sha256:";

    if (strncmp(digest, prefix, strlen(prefix)) != 0)
        return NULL;
    digest += strlen(prefix);
    return container_id_is_valid(digest) ? digest : NULL; /* 64 hexadecimal digits, too */
}

int image_name_parse(const char *text, struct arena *arena, struct image_name *ret,
                     struct error *err)
{
    struct image_name name = { 0 };
    char *copy = arena_text(arena, text);
    char *at = strchr(copy, '@');
    const char *digest = NULL;

    if (at != NULL) {
        *at = '\0';
        digest = digest_digits(at + 1);
        name.digest = arena_text(arena, digest);
    }
    split_domain(copy, &name);
    split_tag(&name);
    if (strlen(text) > IMAGE_NAME_SIZE_MAX || (at != NULL && digest == NULL) ||
        !is_path(name.path) || (name.tag != NULL && !is_tag(name.tag)) ||
        (name.domain != NULL && !is_domain(name.domain)))
        return error_set(
            err, -EINVAL,
            "\"%.200s\" is no name of an image: [DOMAIN/]PATH[:TAG], the path in lower "
            "case",
            text);
    /* What Docker Hub calls its own images for short. */
    if (name.domain != NULL && strcmp(name.domain, "index.docker.io") == 0)
        name.domain = arena_text(arena, HUB);
    *ret = name;
    return 0;
}

char *image_name_full(const struct image_name *name, const char *domain, struct arena *arena)
{
    const char *of = name->domain != NULL ? name->domain : domain;
    bool is_library = strcmp(of, HUB) == 0 && strchr(name->path, '/') == NULL;
    const char *tag = name->tag;

    if (tag == NULL && name->digest == NULL)
        tag = "latest";
    return arena_printf(
        arena, "%s/%s%s%s%s%s%s", of, is_library ? HUB_LIBRARY : "", name->path,
        tag == NULL ? "" : ":", tag == NULL ? "" : tag,
        name->digest == NULL ? "" : "@sha256:", name->digest == NULL ? "" : name->digest);
}

int image_name_normalise(const char *text, const char *domain, struct arena *arena, char **ret,
                         struct error *err)
{
    struct image_name name;
    int r = image_name_parse(text, arena, &name, err);

    if (r < 0)
        return r;
    *ret = image_name_full(&name, domain, arena);
    return 0;
}

bool image_name_ends_like(const char *full, const struct image_name *name)
{
    autoarena arena = { 0 };
    const char *end = image_name_full(name, "localhost", &arena) + strlen("localhost");
    const char *path = strchr(full, '/');

    return name->domain == NULL && path != NULL && strcmp(path, end) == 0;
}

static char *make_whole(const char *text, const char *domain, struct arena *arena)
{
    struct image_name name;

    if (text == NULL || image_name_parse(text, arena, &name, NULL) < 0)
        return NULL;
    if (name.digest != NULL)
        name.tag = NULL;
    return image_name_full(&name, domain, arena);
}

char *image_name_local(const char *text, struct arena *arena)
{
    return make_whole(text, LOCAL, arena);
}

char *image_name_registry(const char *text, struct arena *arena)
{
    return make_whole(text, HUB, arena);
}
