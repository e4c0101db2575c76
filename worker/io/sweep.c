/* What a crash has left in the store; see the header. */
#include "worker/io/sweep.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/images.h"
#include "worker/io/step.h"
#include "worker/io/storage_sweep.h"
#include "worker/io/uploads.h"
#include "worker/io/volumes.h"

static bool is_among(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0)
            return true;
    }
    return false;
}

static int sweep_images(struct tools *tools, const struct hands_known *known, struct error *err)
{
    autoarena arena = { 0 };
    struct text_list ids;
    int r = 0;

    images_ids(tools->images, &arena, &ids);
    for (size_t i = 0; r >= 0 && i < ids.count; i++) {
        if (is_among(known->images, known->image_count, ids.items[i]))
            continue;
        log_info("image.swept", "image=%s", ids.items[i]);
        r = images_remove(tools->images, ids.items[i], err);
    }
    return r;
}

static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    unsigned entries = 0;

    if (directory == NULL)
        return true;
    while (entries <= 2 && readdir(directory) != NULL)
        entries++;
    (void)closedir(directory);
    return entries <= 2; /* "." and ".." */
}

struct volume_sweep {
    struct tools *tools;
    const struct hands_known *known;
};

static void sweep_volume(void *owner, const char *name)
{
    const struct volume_sweep *sweep_of = owner;
    const struct layout *layout = &sweep_of->tools->layout;
    autofree char *data = layout_volume_data(layout, name);
    struct error err = { 0 };

    if (is_among(sweep_of->known->volumes, sweep_of->known->volume_count, name))
        return;
    if (!is_empty(data))
        log_warning("volume.unknown", "volume=%s path=%s", name, data);
    else if (volume_remove(layout, name, &err) < 0)
        log_failure("volume.not_swept", &err);
    else
        log_info("volume.swept", "volume=%s", name);
}

static bool is_known_container(void *owner, const char *id)
{
    const struct hands_known *known = owner;

    return is_among(known->containers, known->container_count, id);
}

/* A mount that does not come off is no reason not to start: what uses it may end later, and the
 * removal of its container, or the next start, tries again. */
static void sweep_mounts(struct tools *tools, const struct hands_known *known)
{
    struct hands_known knowing = *known;
    const struct storage_sweep mounts = {
        .layout = &tools->layout,
        .is_new_boot = known->is_new_boot,
        .is_known = is_known_container,
        .owner = &knowing,
    };
    struct error err = { 0 };

    if (storage_sweep(&mounts, &err) < 0)
        log_failure("storage.not_swept", &err);
}

int sweep(struct tools *tools, const struct hands_known *known, struct error *err)
{
    struct volume_sweep volumes = { .tools = tools, .known = known };
    int r = uploads_sweep(&tools->layout, known->uploads, known->upload_count, err);

    sweep_mounts(tools, known);

    if (r >= 0)
        r = sweep_images(tools, known, err);
    if (r >= 0)
        r = volume_each(&tools->layout, sweep_volume, &volumes, err);
    return r;
}
