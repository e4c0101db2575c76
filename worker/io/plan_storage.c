/*
 * What is done to the host's store: images come and go, volumes too, and an operator looks into a
 * root filesystem. Everything can be done twice.
 */
#include "worker/io/plans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/image_name.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/image_changes.h"
#include "worker/io/image_report.h"
#include "worker/io/images.h"
#include "worker/io/storage.h"
#include "worker/io/uploads.h"

/* The images of these ids are the step's result. */
static int report_images(struct step *step, const struct text_list *ids, struct error *err)
{
    step->images = arena_zeroed(&step->arena, ids->count * sizeof(*step->images));
    for (size_t i = 0; i < ids->count; i++) {
        struct image_info info;
        int r = images_find(step->tools->images, ids->items[i], &step->arena, &info, err);

        if (r < 0)
            return r;
        step->images[step->image_count++] = image_report(&info, &step->arena);
    }
    return 0;
}

static int report_image(struct step *step, const char *id, struct error *err)
{
    char *copy = arena_text(&step->arena, id);
    struct text_list ids = { .items = &copy, .count = 1 };

    return report_images(step, &ids, err);
}

static void fail_store(struct step *step, enum failure failure, const struct error *err)
{
    if (failure == FAILURE_STORAGE)
        (void)storage_fail(&step->stage, err);
    else
        (void)outcome_fail(&step->stage, failure, err);
}

/* --- pull */

/* A plain name is docker's, "oci:/path" and the like are skopeo's own words. */
static const char *source_of(struct step *step, const char *reference, const char *name)
{
    return name == NULL ? reference : arena_printf(&step->arena, "docker://%s", name);
}

/* What does not fit into the pipe is not said: no pull waits for who follows it. */
static void tell_progress(void *owner, const char *line)
{
    const struct step *step = owner;
    autofree char *text = mem_text("%s\n", line);

    (void)!write(step->storage.progress_fd, text, strlen(text));
}

static void pull(struct step *step, const char *reference, const char *authfile, bool is_unverified)
{
    const char *name = image_name_registry(reference, &step->arena);
    struct image_fetch fetch = {
        .source = source_of(step, reference, name),
        .name = name,
        .auth_file = authfile,
        .is_tls_unverified = is_unverified,
        .cancel_fd = step->tools->closing_fd,
        .is_cancelled = &step->tools->is_closing,
        .on_progress = step->storage.progress_fd > 0 ? tell_progress : NULL,
        .owner = step,
    };
    struct error err = { 0 };
    char *id = NULL;
    int r = images_pull(step->tools->images, &fetch, &step->arena, &id, &err);

    if (r >= 0)
        r = report_image(step, id, &err);
    if (r < 0)
        fail_store(step, r == -EREMOTEIO ? FAILURE_REGISTRY : FAILURE_STORAGE, &err);
}

static void work_pull_image(struct step *step)
{
    const struct container_config *config = step->config;

    pull(step, config->image, config->authfile, config->no_tls_verify);
}

static void work_pull(struct step *step)
{
    const struct image_pull *asked = step->storage.pull;

    pull(step, asked->reference, asked->authfile, asked->no_tls_verify);
}

/* --- load and import */

/* An upload, or a file or directory of the host. */
static int open_source(struct step *step, const char *upload, const char *path, int *ret_fd,
                       struct image_source *ret, struct error *err)
{
    *ret = (struct image_source){ .fd = -1, .is_cancelled = &step->tools->is_closing };
    if (upload == NULL) {
        ret->path = path;
        return 0;
    }
    *ret_fd = uploads_open(&step->tools->layout, upload, err);
    ret->fd = *ret_fd;
    return *ret_fd < 0 ? *ret_fd : 0;
}

static void work_load(struct step *step)
{
    const struct image_load *load = step->storage.load;
    static const struct text_list no_names = { 0 };
    autoclose int fd = -1;
    struct image_source source;
    struct text_list ids = { 0 };
    struct error err = { 0 };
    int r = open_source(step, load->upload, load->path, &fd, &source, &err);

    if (r >= 0)
        r = images_load(step->tools->images, &source, &no_names, &step->arena, &ids, &err);
    if (r >= 0)
        r = report_images(step, &ids, &err);
    if (r < 0)
        fail_store(step, r == -EBADMSG ? FAILURE_INVALID_ARGUMENT : FAILURE_STORAGE, &err);
}

static void work_import(struct step *step)
{
    const struct image_import *import = step->storage.import;
    struct image_about about = { .comment = import->message };
    char *name = image_name_local(import->reference, &step->arena);
    autoclose int fd = -1;
    struct image_source source;
    struct oci_config config = { 0 };
    struct error err = { 0 };
    char *id = NULL;
    int r = image_changes_apply(&import->changes, &step->arena, &config, &err);

    about.names = (struct text_list){ .items = &name, .count = name == NULL ? 0 : 1 };
    if (r >= 0)
        r = open_source(step, import->upload, import->path, &fd, &source, &err);
    if (r >= 0)
        r = images_import(step->tools->images, &source, &config, &about, &step->arena, &id, &err);
    if (r >= 0)
        r = report_image(step, id, &err);
    if (r < 0)
        fail_store(step, r == -EINVAL || r == -EBADMSG ? FAILURE_INVALID_ARGUMENT : FAILURE_STORAGE,
                   &err);
}

/* --- commit */

/* What the container says goes into the image, the changes on top. */
static int commit_config(struct step *step, struct oci_config *ret, struct error *err)
{
    const struct container_config *config = step->config;
    struct image_info base;
    int r = images_find(step->tools->images, config->image_id, &step->arena, &base, err);

    if (r < 0)
        return r;
    *ret = base.config;
    ret->entrypoint = config->entrypoint;
    ret->cmd = config->command;
    ret->env = config->env;
    ret->labels = config->labels;
    if (config->user != NULL)
        ret->user = config->user;
    if (config->workdir != NULL)
        ret->workdir = config->workdir;
    return image_changes_apply(&step->commit->changes, &step->arena, ret, err);
}

static int commit(struct step *step, char **ret_id, struct error *err)
{
    const struct container_commit *asked = step->commit;
    autofree char *bundle = layout_bundle(&step->tools->layout, step->id);
    autofree char *upper = mem_text("%s/upper", bundle);
    char *name = image_name_local(asked->reference, &step->arena);
    struct image_about about = {
        .names = { .items = &name, .count = name == NULL ? 0 : 1 },
        .author = asked->author,
        .comment = asked->message,
    };
    struct oci_config config;
    autoclose int fd = -1;
    int r = commit_config(step, &config, err);

    if (r < 0)
        return r;
    fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, "open %s", upper);
    return images_commit(step->tools->images, step->config->image_id, fd, &config, &about,
                         &step->arena, ret_id, err);
}

static void work_commit(struct step *step)
{
    struct error err = { 0 };
    char *id = NULL;
    int r;

    if (step->config->image_id == NULL) {
        (void)error_set(&err, -EINVAL,
                        "it was made from a directory, not from an image: import that directory");
        fail_store(step, FAILURE_INVALID_ARGUMENT, &err);
        return;
    }
    r = commit(step, &id, &err);
    if (r >= 0)
        r = report_image(step, id, &err);
    if (r < 0)
        fail_store(step, r == -EINVAL ? FAILURE_INVALID_ARGUMENT : FAILURE_STORAGE, &err);
}

/* Only a run that was not paused before is let go again: a step that is done anew after the
 * worker's death finds it frozen by itself. */
static bool may_freeze(struct step *step)
{
    return step->pid != 0 && !step->is_paused && !step->commit->no_pause &&
           cgroups_can_freeze(step->tools->cgroups) && plan_find_runtime(step);
}

static void freeze(struct step *step)
{
    if (may_freeze(step) && !cgroups_is_frozen(step->tools->cgroups, step->id))
        step_call_runtime(step, step->runtime_path, PLAN_WORDS("pause", step->name));
    else
        step_next(step);
}

static void thaw(struct step *step)
{
    if (may_freeze(step) && cgroups_is_frozen(step->tools->cgroups, step->id))
        step_call_runtime(step, step->runtime_path, PLAN_WORDS("resume", step->name));
    else
        step_next(step);
}

/* --- images and volumes go, volumes come */

static void work_remove_image(struct step *step)
{
    struct error err = { 0 };
    int r = images_remove(step->tools->images, step->storage.image, &err);

    if (r < 0 && r != -ENOENT)
        fail_store(step, FAILURE_STORAGE, &err);
}

static void work_create_volume(struct step *step)
{
    struct volume_place place;
    struct error err = { 0 };
    int r = storage_volume_place(&step->tools->layout, step->storage.volume, &place, &err);

    if (r >= 0)
        r = volume_create(&place, &err);
    if (r < 0)
        fail_store(step, r == -EINVAL ? FAILURE_INVALID_ARGUMENT : FAILURE_STORAGE, &err);
}

static void work_remove_volume(struct step *step)
{
    struct error err = { 0 };
    int r = volume_remove(&step->tools->layout, step->storage.volume->name, &err);

    if (r < 0)
        fail_store(step, r == -EBUSY ? FAILURE_VOLUME_IN_USE : FAILURE_STORAGE, &err);
}

/* --- an operator looks at a root filesystem */

static void work_mount(struct step *step)
{
    struct storage_request storage = {
        .layout = &step->tools->layout,
        .images = step->tools->images,
        .id = step->id,
        .config = step->config,
    };
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    struct rootfs_request rootfs;
    struct error err = { 0 };
    autofree char *path = layout_rootfs(&step->tools->layout, step->id);
    autofree char *directory = layout_volatile(&step->tools->layout, step->id);
    int r;

    if (step->config->rootfs != NULL) {
        step->word = arena_text(&step->arena, step->config->rootfs);
        return;
    }
    r = files_make_directories(directory, 0700, &err);
    if (r >= 0)
        r = user_namespace_new(step->config, &users, &err);
    storage.users = users;
    if (r >= 0)
        r = storage_rootfs_request(&storage, &step->arena, &rootfs, &err);
    if (r >= 0)
        r = rootfs_mount(&rootfs, ROOTFS_HOLDER_OPERATOR, &err);
    step->word = arena_text(&step->arena, path);
    if (r < 0)
        fail_store(step, FAILURE_STORAGE, &err);
}

static void work_unmount(struct step *step)
{
    struct error err = { 0 };

    if (rootfs_unmount(&step->tools->layout, step->id, ROOTFS_HOLDER_OPERATOR, &err) < 0)
        fail_store(step, FAILURE_STORAGE, &err);
}

/* --- the plans */

/* What may take its time keeps no step of a run waiting. */
static void store_pull_image(struct step *step)
{
    step_store_job(step, work_pull_image);
}

static void store_pull(struct step *step)
{
    step_store_job(step, work_pull);
}

static void store_load(struct step *step)
{
    step_store_job(step, work_load);
}

static void store_import(struct step *step)
{
    step_store_job(step, work_import);
}

static void store_commit(struct step *step)
{
    step_store_job(step, work_commit);
}

static void store_remove_image(struct step *step)
{
    step_store_job(step, work_remove_image);
}

static void store_create_volume(struct step *step)
{
    step_store_job(step, work_create_volume);
}

static void store_remove_volume(struct step *step)
{
    step_store_job(step, work_remove_volume);
}

static void store_mount(struct step *step)
{
    step_store_job(step, work_mount);
}

static void store_unmount(struct step *step)
{
    step_store_job(step, work_unmount);
}

static step_stage_fn *const pull_image_stages[] = { store_pull_image, NULL };
static step_stage_fn *const pull_stages[] = { store_pull, NULL };
static step_stage_fn *const load_stages[] = { store_load, NULL };
static step_stage_fn *const import_stages[] = { store_import, NULL };
static step_stage_fn *const commit_stages[] = { freeze, store_commit, thaw, NULL };
static step_stage_fn *const remove_image_stages[] = { store_remove_image, NULL };
static step_stage_fn *const create_volume_stages[] = { store_create_volume, NULL };
static step_stage_fn *const remove_volume_stages[] = { store_remove_volume, NULL };
static step_stage_fn *const mount_stages[] = { store_mount, NULL };
static step_stage_fn *const unmount_stages[] = { store_unmount, NULL };
static step_stage_fn *const undo_commit_stages[] = { thaw, NULL };

const struct step_plan plan_pull_image = { .name = "pull-image", .stages = pull_image_stages };
const struct step_plan plan_commit = {
    .name = "commit",
    .stages = commit_stages,
    .undo = undo_commit_stages,
};
const struct step_plan plan_mount = { .name = "mount", .stages = mount_stages };
const struct step_plan plan_unmount = { .name = "unmount", .stages = unmount_stages };

/* clang-format off */
static const struct step_plan storage_plans[] = {
    [HANDS_PULL]          = { .name = "pull",          .stages = pull_stages },
    [HANDS_LOAD]          = { .name = "load",          .stages = load_stages },
    [HANDS_IMPORT]        = { .name = "import",        .stages = import_stages },
    [HANDS_REMOVE_IMAGE]  = { .name = "remove-image",  .stages = remove_image_stages },
    [HANDS_CREATE_VOLUME] = { .name = "create-volume", .stages = create_volume_stages },
    [HANDS_REMOVE_VOLUME] = { .name = "remove-volume", .stages = remove_volume_stages },
};
/* clang-format on */

const struct step_plan *storage_plan(enum hands_storage_kind kind)
{
    return &storage_plans[kind];
}
