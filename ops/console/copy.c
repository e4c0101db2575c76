/*
 * gantry cp: into a container, or out of it.
 *
 * What goes in is packed here, sent to the host as an upload, and unpacked there by
 * container.copy. What comes out is packed there and unpacked here, as it comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "ops/console/copy_args.h"
#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/tar_files.h"
#include "ops/console/transfer.h"
#include "ops/console/verbs.h"
#include "schemas/commands.h"

struct copy_options {
    const char *host;
    const char *expires;
    struct text_list operands;
    bool keeps_owner;
    bool pauses;
    bool overwrites;
};

#define COPY(...) ARG(struct copy_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    COPY(keeps_owner, ARG_FLAG, 'a', "archive", NULL, "Owners stay (default: true)"),
    COPY(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    EXPIRES_ROW(struct copy_options),
    COPY(overwrites, ARG_FLAG, 0, "overwrite", NULL, "As podman has it: files are replaced anyway"),
    COPY(pauses, ARG_FLAG, 0, "pause", NULL, "As podman has it: nothing is frozen"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct copy_options, operands),
};

/* --- into a container */

static int write_upload(void *owner, struct bytes data, struct error *err)
{
    return transfer_write(owner, data, err);
}

/* What lies on this machine, packed as the container is to get it. */
static int send_files(struct transfer *transfer, struct console *console, const char *host,
                      const char *path, struct error *err)
{
    char *base = copy_args_base(path, &console->arena);
    struct stat status;
    int r;

    if (stat(path, &status) < 0)
        return error_set_errno(err, "\"%s\" could not be found on this machine", path);
    if (copy_args_means_content(path) || strcmp(base, "/") == 0 || strcmp(base, "..") == 0)
        base = arena_text(&console->arena, ".");
    r = transfer_open(transfer, console, host, err);
    if (r < 0)
        return r;
    r = tar_files_pack(path, base, write_upload, transfer, err);
    if (r == 0)
        return transfer_finish(transfer, err);
    transfer_abort(transfer);
    return r;
}

static int copy_in(struct console *console, const char *from, const struct container_row *row,
                   const char *to, struct error *err)
{
    const char *workdir = row->config != NULL ? row->config->workdir : NULL;
    struct transfer transfer;
    struct container_copy body = { .upload = transfer.upload,
                                   .path = copy_args_absolute(to, workdir, &console->arena) };
    const struct command command = {
        .schema = &container_copy_schema, .body = &body, .host = row->host, .container = row->id
    };
    int r;

    if (strcmp(from, "-") == 0)
        r = transfer_send_fd(&transfer, console, row->host, STDIN_FILENO, err);
    else
        r = send_files(&transfer, console, row->host, from, err);
    return r == 0 ? submit_run(console, &command, NULL, err) : r;
}

/* --- out of a container */

/* podman: into a directory that is there, under its own name or, of "/.", right into it; else it
 * gets the name that was said. */
static int find_target(const char *from, const char *to, struct arena *arena,
                       struct tar_files_target *ret, struct error *err)
{
    struct stat status;

    ret->is_content =
        copy_args_means_content(from) || strcmp(copy_args_base(from, arena), "/") == 0;
    if (stat(to, &status) == 0 && S_ISDIR(status.st_mode)) {
        ret->directory = to;
        ret->name = ret->is_content ? "." : copy_args_base(from, arena);
        return 0;
    }
    ret->directory = copy_args_parent(to, arena);
    ret->name = copy_args_base(to, arena);
    if (to[strlen(to) - 1] == '/')
        return error_set(err, -ENOENT, "\"%s\" is no directory of this machine", to);
    if (stat(ret->directory, &status) < 0)
        return error_set_errno(err, "\"%s\" could not be found on this machine", ret->directory);
    return 0;
}

/* The archive is unpacked by a thread of its own while it comes. */
struct unpacking {
    const struct tar_files_target *target;
    int fd;
    int result;
    struct error why;
};

static void *unpack(void *arg)
{
    struct unpacking *unpacking = arg;
    char rest[4096];

    unpacking->result = tar_files_unpack(unpacking->fd, unpacking->target, &unpacking->why);
    while (unpacking->result == 0 && read(unpacking->fd, rest, sizeof(rest)) > 0)
        continue;               /* what is behind an archive's end */
    (void)close(unpacking->fd); /* a failure ends whoever writes */
    return NULL;
}

static int receive_files(struct console *console, const struct stream_open *asked,
                         const struct tar_files_target *target, struct error *err)
{
    struct unpacking unpacking = { .target = target };
    pthread_t thread;
    int fds[2];
    int r;

    (void)signal(SIGPIPE, SIG_IGN); /* the unpacking may fail first */
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_set_errno(err, "make a pipe");
    unpacking.fd = fds[0];
    r = pthread_create(&thread, NULL, unpack, &unpacking);
    if (r != 0) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return error_set(err, -r, "make a thread: %s", strerrordesc_np(r));
    }
    r = transfer_receive_fd(console, asked, fds[1], err);
    (void)close(fds[1]);
    (void)pthread_join(thread, NULL);
    /* When the broker's stream broke, or the disk did: the first cause counts. */
    if (unpacking.result < 0 && (r == 0 || r == -EPIPE))
        return error_set(err, unpacking.result, "%s", unpacking.why.text);
    return r;
}

static int copy_out(struct console *console, const struct copy_options *options,
                    const struct container_row *row, const char *from, const char *to,
                    struct error *err)
{
    const char *workdir = row->config != NULL ? row->config->workdir : NULL;
    struct stream_open asked = { .host = row->host,
                                 .container = row->id,
                                 .kind = arena_text(&console->arena, "archive"),
                                 .path = copy_args_absolute(from, workdir, &console->arena) };
    struct tar_files_target target = { .keeps_owner = options->keeps_owner && geteuid() == 0 };
    int r;

    if (strcmp(to, "-") == 0)
        return transfer_receive_fd(console, &asked, STDOUT_FILENO, err);
    r = find_target(from, to, &console->arena, &target, err);
    return r == 0 ? receive_files(console, &asked, &target, err) : r;
}

int verb_cp(struct console *console, const struct args_usage *usage, char **argv, struct error *err)
{
    struct copy_options options = { .host = console->host, .keeps_owner = true };
    struct container_rows containers = { 0 };
    const struct container_row *row = NULL;
    struct copy_side from = { 0 };
    struct copy_side to = { 0 };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 2, 2, err);
    if (r == 0)
        r = copy_args_side(options.operands.items[0], &console->arena, &from, err);
    if (r == 0)
        r = copy_args_side(options.operands.items[1], &console->arena, &to, err);
    if (r == 0 && (from.container == NULL) == (to.container == NULL))
        r = error_set(err, -EINVAL,
                      "one of %s and %s has to be in a container: give CONTAINER:PATH for it",
                      options.operands.items[0], options.operands.items[1]);
    if (r == 0)
        r = fleet_containers(console, options.host, &containers, err);
    if (r == 0)
        r = select_container(&containers, from.container != NULL ? from.container : to.container,
                             &row, err);
    if (r != 0)
        return r;
    return to.container != NULL ? copy_in(console, from.path, row, to.path, err)
                                : copy_out(console, &options, row, from.path, to.path, err);
}
