/* Names in a layer's archive; see the header. */
#include "worker/io/layer_path.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_part(const char *part, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(part, text, size) == 0;
}

static int append_part(struct layer_path *path, size_t *used, const char *part, size_t size)
{
    size_t slash = *used > 0 ? 1 : 0;

    if (size > NAME_MAX || *used + slash + size >= sizeof(path->text))
        return -ENAMETOOLONG;
    if (slash > 0)
        path->text[(*used)++] = '/';
    memcpy(path->text + *used, part, size);
    *used += size;
    return 0;
}

int layer_path_clean(const char *name, struct layer_path *ret, struct error *err)
{
    struct layer_path path;
    size_t used = 0;

    for (const char *part = name; *part != '\0';) {
        size_t size = strcspn(part, "/");

        if (is_part(part, size, ".."))
            return error_set(err, -EINVAL, "path \"%.200s\": leads out of the layer by \"..\"",
                             name);
        if (size > 0 && !is_part(part, size, ".") && append_part(&path, &used, part, size) < 0)
            return error_set(err, -ENAMETOOLONG, "path \"%.200s...\": longer than a path can be",
                             name);
        part += size + (part[size] == '/' ? 1 : 0);
    }
    path.text[used] = '\0';
    memcpy(ret->text, path.text, used + 1);
    return 0;
}

const char *layer_path_name(const struct layer_path *path)
{
    const char *slash = strrchr(path->text, '/');

    return slash == NULL ? path->text : slash + 1;
}

void layer_path_parent(const struct layer_path *path, struct layer_path *ret)
{
    size_t size = (size_t)(layer_path_name(path) - path->text);

    if (size > 0)
        size--; /* the slash */
    memcpy(ret->text, path->text, size);
    ret->text[size] = '\0';
}
