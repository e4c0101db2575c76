/* Whether a command about images or volumes makes sense; see the header. */
#include "common/fleet/storage_check.h"

#include <stddef.h>
#include <string.h>

#include "common/fleet/config_image.h"
#include "common/id.h"
#include "common/image_name.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

#define TAGS_MAX 64

static enum failure check_reference(const char *text, struct refusal *why)
{
    if (image_reference_is_valid(text))
        return FAILURE_NONE;
    return refuse(why, FAILURE_INVALID_ARGUMENT,
                  "'%s' is no name or id of an image, like busybox or quay.io/team/web:1", text);
}

enum failure storage_check_new_name(const char *text, struct refusal *why)
{
    autoarena arena = { 0 };

    if (text == NULL || (strchr(text, '@') == NULL && image_name_local(text, &arena) != NULL))
        return FAILURE_NONE;
    return refuse(why, FAILURE_INVALID_ARGUMENT,
                  "an image cannot be called '%s': use lower-case letters, digits, '.', '_', '-' "
                  "and '/', with a tag after ':'",
                  text);
}

/* Whether it begins with a transport of skopeo's; a name of an image has no path behind a colon. */
static bool has_transport(const char *reference)
{
    static const char *const transports[] = {
        "docker://", "oci:/", "oci-archive:/", "docker-archive:/", "dir:/",
    };

    for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++) {
        if (strncmp(reference, transports[i], strlen(transports[i])) == 0)
            return true;
    }
    return false;
}

static enum failure check_pull(const void *body, struct refusal *why)
{
    static const char *const policies[] = { "always", "missing", "never" };
    const struct image_pull *pull = body;

    for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
        if (pull->policy == NULL || strcmp(pull->policy, policies[i]) == 0)
            return has_transport(pull->reference) ? FAILURE_NONE
                                                  : check_reference(pull->reference, why);
    }
    return refuse(why, FAILURE_INVALID_ARGUMENT,
                  "pull policy '%s' is not known: use always, missing or never", pull->policy);
}

/* An upload of before, or a file of the host. */
static enum failure check_source(const char *upload, const char *path, struct refusal *why)
{
    if ((upload == NULL) == (path == NULL))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "name one source: an upload or a path on the host");
    if (upload != NULL && !name_is_valid(upload))
        return refuse(why, FAILURE_INVALID_ARGUMENT, "'%s' is no id of an upload", upload);
    if (path != NULL && path[0] != '/')
        return refuse(why, FAILURE_INVALID_ARGUMENT, "'%s' is no absolute path on the host", path);
    return FAILURE_NONE;
}

static enum failure check_load(const void *body, struct refusal *why)
{
    const struct image_load *load = body;

    return check_source(load->upload, load->path, why);
}

static enum failure check_import(const void *body, struct refusal *why)
{
    const struct image_import *import = body;
    enum failure failure = check_source(import->upload, import->path, why);

    return failure != FAILURE_NONE ? failure : storage_check_new_name(import->reference, why);
}

static enum failure check_tag(const void *body, struct refusal *why)
{
    const struct image_tag *tag = body;
    enum failure failure = check_reference(tag->image, why);

    if (tag->names.count > TAGS_MAX)
        return refuse(why, FAILURE_INVALID_ARGUMENT, "%zu names at once: at most %d can be",
                      tag->names.count, TAGS_MAX);
    for (size_t i = 0; i < tag->names.count && failure == FAILURE_NONE; i++)
        failure = storage_check_new_name(tag->names.items[i], why);
    return failure;
}

static enum failure check_remove_image(const void *body, struct refusal *why)
{
    return check_reference(((const struct image_remove *)body)->image, why);
}

static enum failure check_volume_name(const char *name, struct refusal *why)
{
    if (name_is_valid(name))
        return FAILURE_NONE;
    return refuse(why, FAILURE_INVALID_ARGUMENT,
                  "'%s' is no name of a volume: use letters, digits, '_', '.' and '-', the first a "
                  "letter or digit",
                  name);
}

/* BEHAVIOUR VO-1. */
static enum failure check_create_volume(const void *body, struct refusal *why)
{
    const struct volume *volume = ((const struct volume_create *)body)->volume;

    for (size_t i = 0; i < volume->options.count; i++) {
        const char *key = volume->options.items[i].key;

        if (strcmp(key, "type") != 0 && strcmp(key, "device") != 0 && strcmp(key, "o") != 0)
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "volume %s: option '%s' is not known: use type, device and o",
                          volume->name, key);
    }
    if (volume->is_anonymous || volume->container != NULL)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "volume %s: only the worker makes anonymous volumes", volume->name);
    return check_volume_name(volume->name, why);
}

static enum failure check_remove_volume(const void *body, struct refusal *why)
{
    return check_volume_name(((const struct volume_remove *)body)->name, why);
}

struct storage_kind {
    const struct schema *schema;
    enum storage_operation operation;
    enum failure (*check)(const void *body, struct refusal *why); /* NULL: all is fine */
};

/* clang-format off */
static const struct storage_kind kinds[] = {
    { &image_pull_schema,    STORAGE_OPERATION_PULL,          check_pull },
    { &image_load_schema,    STORAGE_OPERATION_LOAD,          check_load },
    { &image_import_schema,  STORAGE_OPERATION_IMPORT,        check_import },
    { &image_tag_schema,     STORAGE_OPERATION_TAG,           check_tag },
    { &image_untag_schema,   STORAGE_OPERATION_UNTAG,         check_tag },
    { &image_remove_schema,  STORAGE_OPERATION_REMOVE_IMAGE,  check_remove_image },
    { &image_prune_schema,   STORAGE_OPERATION_PRUNE_IMAGES,  NULL },
    { &volume_create_schema, STORAGE_OPERATION_CREATE_VOLUME, check_create_volume },
    { &volume_remove_schema, STORAGE_OPERATION_REMOVE_VOLUME, check_remove_volume },
    { &volume_prune_schema,  STORAGE_OPERATION_PRUNE_VOLUMES, NULL },
};
/* clang-format on */

static const struct storage_kind *find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].schema->name, type) == 0)
            return &kinds[i];
    }
    return NULL;
}

enum storage_operation storage_operation_of(const char *type)
{
    const struct storage_kind *kind = find_kind(type);

    return kind == NULL ? STORAGE_OPERATION_NONE : kind->operation;
}

bool storage_command_is(const char *type)
{
    return find_kind(type) != NULL;
}

enum failure storage_command_check(const char *type, const void *body, struct refusal *why)
{
    const struct storage_kind *kind = find_kind(type);

    return kind == NULL || kind->check == NULL ? FAILURE_NONE : kind->check(body, why);
}
