/* What skopeo is asked for; see the header. */
#include "worker/io/image_skopeo.h"

#include <errno.h>
#include <string.h>

#include "common/image_name.h"

#define ARGUMENTS_MAX 16

static const char *const local_transports[] = { "oci:", "dir:", "oci-archive:", "docker-archive:" };

static const char *after(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0 ? text + strlen(start) : NULL;
}

/* What follows a transport of files; NULL when it is none. */
static const char *local_path(const char *source)
{
    for (size_t i = 0; i < sizeof(local_transports) / sizeof(*local_transports); i++) {
        const char *path = after(source, local_transports[i]);

        if (path != NULL)
            return path;
    }
    return NULL;
}

/* A registry's image, as the full name of it. */
static int remote_name(const char *source, struct arena *arena, char **ret, struct error *err)
{
    const char *name = after(source, "docker://");

    return image_name_normalise(name == NULL ? source : name, "docker.io", arena, ret, err);
}

int image_skopeo_argv(const struct image_fetch *fetch, const char *directory, struct arena *arena,
                      const char *const **ret, struct error *err)
{
    const char **argv = arena_zeroed(arena, ARGUMENTS_MAX * sizeof(*argv));
    size_t count = 0;
    const char *source = fetch->source;

    if (local_path(source) == NULL) {
        char *name;
        int r = remote_name(source, arena, &name, err);

        if (r < 0)
            return r;
        source = arena_printf(arena, "docker://%s", name);
    }
    argv[count++] = "skopeo";
    if (fetch->is_policy_ignored)
        argv[count++] = "--insecure-policy";
    else if (fetch->policy_file != NULL)
        argv[count++] = arena_printf(arena, "--policy=%s", fetch->policy_file);
    argv[count++] = "copy";
    if (fetch->on_progress == NULL)
        argv[count++] = "--quiet";
    if (fetch->auth_file != NULL)
        argv[count++] = arena_printf(arena, "--authfile=%s", fetch->auth_file);
    if (fetch->is_tls_unverified)
        argv[count++] = "--src-tls-verify=false";
    argv[count++] = source;
    argv[count++] = arena_printf(arena, "dir:%s", directory);
    *ret = argv;
    return 0;
}

/* "/path/web:1" -> "web:1" */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

int image_skopeo_name(const struct image_fetch *fetch, struct arena *arena, char **ret,
                      struct error *err)
{
    const char *path = local_path(fetch->source);

    *ret = NULL;
    if (fetch->name != NULL)
        return image_name_normalise(fetch->name, "localhost", arena, ret, err);
    if (path == NULL)
        return remote_name(fetch->source, arena, ret, err);
    if (strstr(fetch->source, "archive:") == NULL)
        (void)image_name_normalise(last_part(path), "localhost", arena, ret, NULL);
    return 0;
}
