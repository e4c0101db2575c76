/* Images from registries, by skopeo; see images.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/image_intake.h"
#include "worker/io/image_skopeo.h"
#include "worker/io/images.h"

#define LINE_SIZE_MAX 1024
#define FETCHED       "fetched"

/* What skopeo says, a line at a time; what is longer is cut. */
struct lines {
    const struct image_fetch *fetch;
    char line[LINE_SIZE_MAX];
    char last[LINE_SIZE_MAX];
    size_t used;
};

static void end_line(struct lines *lines)
{
    lines->line[lines->used] = '\0';
    if (lines->used == 0)
        return;
    lines->used = 0;
    memcpy(lines->last, lines->line, sizeof(lines->last));
    if (lines->fetch->on_progress != NULL)
        lines->fetch->on_progress(lines->fetch->owner, lines->line);
}

static void add_text(struct lines *lines, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            end_line(lines);
        else if (lines->used < sizeof(lines->line) - 1)
            lines->line[lines->used++] = text[i];
    }
}

/* Until skopeo has ended, or is told to by `cancel_fd`. */
static int follow(struct lines *lines, int output_fd, struct error *err)
{
    char text[LINE_SIZE_MAX];
    struct pollfd fds[] = {
        { .fd = output_fd, .events = POLLIN },
        { .fd = lines->fetch->cancel_fd, .events = POLLIN },
    };

    for (;;) {
        ssize_t size;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return error_set_errno(err, "wait for skopeo");
        if (fds[1].revents != 0)
            return error_set(err, -ECANCELED, "cancelled");
        if (fds[0].revents == 0)
            continue;
        size = read(output_fd, text, sizeof(text));
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            break;
        add_text(lines, text, (size_t)size);
    }
    end_line(lines);
    return 0;
}

static int reap(pid_t pid, int *ret_status)
{
    pid_t r;

    do
        r = waitpid(pid, ret_status, 0);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

static int run(const struct image_fetch *fetch, const char *const *argv, struct error *err)
{
    autofree struct lines *lines = mem_new(struct lines);
    int pipe_fds[2];
    autoclose int output_fd = -1;
    struct spawn_request request = { .argv = argv, .fd_count = 2, .new_session = true };
    pid_t pid;
    int status;
    int r;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_set_errno(err, "pipe for skopeo");
    output_fd = pipe_fds[0];
    request.fds =
        (const struct spawn_fd[]){ { pipe_fds[1], STDOUT_FILENO }, { pipe_fds[1], STDERR_FILENO } };
    lines->fetch = fetch;
    r = spawn_detached(&request, &pid, err);
    (void)close(pipe_fds[1]);
    if (r < 0)
        return error_add_context(err, r, "skopeo (is it installed?)");

    r = follow(lines, output_fd, err);
    if (r < 0)
        (void)kill(-pid, SIGKILL);
    if (reap(pid, &status) < 0 && r == 0)
        return error_set(err, -ECHILD, "skopeo was waited for by somebody else");
    if (r == 0 && status != 0)
        return error_set(err, -EREMOTEIO, "skopeo: %.400s",
                         lines->last[0] == '\0' ? "ended without a word" : lines->last);
    return r;
}

static int fetch_to(const struct image_fetch *fetch, const char *directory, struct error *err)
{
    autoarena arena = { 0 };
    const char *const *argv;
    int r = image_skopeo_argv(fetch, directory, &arena, &argv, err);

    return r < 0 ? r : run(fetch, argv, err);
}

int images_pull(struct images *images, const struct image_fetch *fetch, struct arena *arena,
                char **ret_id, struct error *err)
{
    autodestroy(image_batch) struct image_batch *batch = NULL;
    autofree char *directory = NULL;
    char *name = NULL;
    struct image_source source = { .fd = -1, .is_cancelled = fetch->is_cancelled };
    struct text_list names = { .items = &name };
    struct text_list ids;
    int r = image_skopeo_name(fetch, arena, &name, err);

    if (r == 0)
        r = image_batch_begin(images->store, &batch, err);
    if (r < 0)
        return error_add_context(err, r, "pull %.200s", fetch->source);
    names.count = name == NULL ? 0 : 1;
    directory = mem_text("%s/" FETCHED, image_batch_path(batch));
    source.path = directory;
    if (mkdir(directory, S_IRWXU) < 0)
        r = error_set_errno(err, "make directory %s", directory);
    if (r == 0)
        r = fetch_to(fetch, directory, err);
    if (r == 0)
        r = image_load_fetched(images, &source, &names, arena, &ids, err);
    if (r != 0)
        return error_add_context(err, r, "pull %.200s", fetch->source);
    *ret_id = ids.items[0];
    return 0;
}
