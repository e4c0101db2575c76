/*
 * Copying an upload into a container. Whether the destination was there decides about names, so it
 * is noted at the upload before anything is written: done again after a crash, when the
 * destination is there in part, it is the same copy.
 */
#include "worker/io/plans.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/auto.h"
#include "worker/io/contents_copy.h"
#include "worker/io/contents_hold.h"
#include "worker/io/uploads.h"

#define COPY_HOLDER  "copy" /* operations on a container wait for one another */
#define RENAMED_MARK "trusted.gantry.renamed"

static int note_renamed(int upload_fd, struct error *err)
{
    if (fsetxattr(upload_fd, RENAMED_MARK, "", 0, 0) < 0 || fsync(upload_fd) < 0)
        return error_set_errno(err, "note at the upload that it is renamed");
    return 0;
}

/* 1: what is copied gets the destination's name. */
static int decide_renamed(const struct contents_root *root, const struct container_copy *asked,
                          int upload_fd, struct error *err)
{
    struct error ignored = { 0 };
    struct stat status;
    int r;

    if (asked->is_renamed || fgetxattr(upload_fd, RENAMED_MARK, NULL, 0) >= 0)
        return 1;
    if (contents_stat(root, asked->path, &status, &ignored) != -ENOENT)
        return 0;
    r = note_renamed(upload_fd, err);
    return r < 0 ? r : 1;
}

static int unpack(const struct contents_root *root, const struct container_copy *asked,
                  int upload_fd, struct error *err)
{
    struct contents_copy copy = { .destination = asked->path };
    int r = decide_renamed(root, asked, upload_fd, err);

    if (r < 0)
        return r;
    copy.is_renamed = r > 0;
    return contents_copy_in(root, &copy, upload_fd, err);
}

static int copy(struct step *step, int upload_fd, struct error *err)
{
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    struct contents_hold_request request = {
        .storage = {
            .layout = &step->tools->layout,
            .images = step->tools->images,
            .id = step->id,
            .config = step->config,
            .volumes = step->volumes,
            .volume_count = step->volume_count,
        },
        .holder = COPY_HOLDER,
        .pid = step->pid,
        .pid_started = step->pid_started,
    };
    struct contents_hold hold = CONTENTS_HOLD_NONE;
    struct error why = { 0 };
    int released;
    int r = user_namespace_new(step->config, &users, err);

    request.storage.users = users;
    if (r >= 0)
        r = contents_hold_open(&request, &hold, err);
    if (r < 0)
        return r;
    r = unpack(&hold.root, step->copy, upload_fd, err);
    released = contents_hold_release(&hold, &why);
    return r >= 0 && released < 0 ? error_set(err, released, "%s", why.text) : r;
}

/* What was asked for cannot be; all else is the host's. */
static bool is_of_command(int code)
{
    static const int codes[] = { -EBADMSG, -EEXIST,  -EINVAL, -EISDIR, -ELOOP,
                                 -ENOENT,  -ENOTDIR, -EPERM,  -EROFS,  -ENAMETOOLONG };

    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        if (code == codes[i])
            return true;
    }
    return false;
}

static void work_copy(struct step *step)
{
    struct error err = { 0 };
    autoclose int upload_fd = uploads_open(&step->tools->layout, step->copy->upload, &err);
    int r = upload_fd < 0 ? upload_fd : copy(step, upload_fd, &err);

    if (r < 0 && is_of_command(r))
        (void)outcome_fail(&step->stage, FAILURE_INVALID_ARGUMENT, &err);
    else if (r < 0)
        (void)storage_fail(&step->stage, &err);
}

static void store_copy(struct step *step)
{
    step_store_job(step, work_copy);
}

static step_stage_fn *const copy_stages[] = { store_copy, NULL };

const struct step_plan plan_copy = { .name = "copy", .stages = copy_stages };
