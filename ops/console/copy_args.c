/* The two sides of cp; see the header. */
#include "ops/console/copy_args.h"

#include <errno.h>
#include <string.h>

int copy_args_side(const char *word, struct arena *arena, struct copy_side *ret, struct error *err)
{
    const char *colon = strchr(word, ':');

    *ret = (struct copy_side){ .path = word };
    if (*word == '\0')
        return error_set(err, -EINVAL, "invalid arguments: a path is empty");
    if (*word == '/' || *word == '.' || colon == NULL)
        return 0;
    if (colon == word || colon[1] == '\0')
        return error_set(err, -EINVAL, "invalid argument \"%s\": give CONTAINER:PATH", word);
    ret->container = arena_text_n(arena, word, (size_t)(colon - word));
    ret->path = colon + 1;
    return 0;
}

char *copy_args_absolute(const char *path, const char *workdir, struct arena *arena)
{
    const char *from = workdir != NULL ? workdir : "/";

    if (*path == '/')
        return arena_text(arena, path);
    return arena_printf(arena, "%s%s%s", from, from[strlen(from) - 1] == '/' ? "" : "/", path);
}

/* How long the path is without slashes at its end. */
static size_t trimmed_size(const char *path)
{
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/')
        size--;
    return size;
}

/* Where its last part begins. */
static size_t base_at(const char *path, size_t size)
{
    size_t at = size;

    while (at > 0 && path[at - 1] != '/')
        at--;
    return at == size ? 0 : at;
}

char *copy_args_base(const char *path, struct arena *arena)
{
    size_t size = trimmed_size(path);
    size_t at = base_at(path, size);

    return arena_text_n(arena, path + at, size - at);
}

char *copy_args_parent(const char *path, struct arena *arena)
{
    size_t at = base_at(path, trimmed_size(path));

    while (at > 1 && path[at - 1] == '/')
        at--;
    return at == 0 ? arena_text(arena, *path == '/' ? "/" : ".") : arena_text_n(arena, path, at);
}

bool copy_args_means_content(const char *path)
{
    size_t size = strlen(path);

    return strcmp(path, ".") == 0 || (size >= 2 && strcmp(path + size - 2, "/.") == 0);
}
