/* log.backup; see the header. */
#include "broker/backup.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/backup_file.h"
#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/reply.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"

/* A backup; while it is written the pool's, but for `held`. */
struct backup {
    struct job job;
    struct backups *owner;
    struct held held; /* who waits for its end */
    struct log *log;
    struct command_id id;
    char *path;
    bool is_over;
    struct log_backup_is answer;
    struct error failure; /* code 0: none */
};

struct backups {
    struct broker *broker;
    struct jobpool *pool;  /* of one thread */
    struct backup *latest; /* under way or over; NULL: none since the start */
};

static void backup_free(struct backup *backup)
{
    if (backup == NULL)
        return;
    free(backup->path);
    free(backup);
}

static int read_head(struct log *log, uint64_t *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    *ret = state.head;
    return 0;
}

static int write_backup(struct backup *backup, struct error *err)
{
    int r = read_head(backup->log, &backup->answer.pos, err);

    if (r == 0)
        r = backup_write(backup->log, backup->path, &backup->answer.bytes, err);
    return r;
}

static void backup_work(struct job *job)
{
    struct backup *backup = container_of(job, struct backup, job);
    int r = write_backup(backup, &backup->failure);

    if (r < 0 && backup->failure.code == 0)
        (void)error_set(&backup->failure, r, "write the backup");
    backup->answer.is_done = r == 0;
}

/* A disk that fails is the broker's trouble, any other reason lies in the path. */
static bool is_of_the_path(int code)
{
    return code == -EEXIST || code == -ENOENT || code == -ENOTDIR || code == -EACCES ||
           code == -EISDIR || code == -ELOOP || code == -ENAMETOOLONG || code == -EINVAL;
}

static void answer(const struct backup *backup, struct sp_request *request)
{
    if (is_of_the_path(backup->failure.code))
        reply_failure(request, FAILURE_INVALID_ARGUMENT, "%s", backup->failure.text);
    else if (backup->failure.code != 0)
        reply_error(request, &backup->failure);
    else
        reply_message(request, &log_backup_is_schema, &backup->answer);
}

static void backup_done(struct job *job)
{
    struct backup *backup = container_of(job, struct backup, job);

    backup->is_over = true;
    if (job->cancelled)
        (void)error_set(&backup->failure, -ECANCELED, "the broker is stopping");
    if (backup->failure.code != 0)
        log_failure("backup.failed", &backup->failure);
    else
        log_info("backup.written", "path=%s pos=%llu bytes=%llu", LOG_TEXT(backup->path),
                 (unsigned long long)backup->answer.pos, (unsigned long long)backup->answer.bytes);
    answer(backup, held_end(&backup->held));
}

/* Not yet: the answer says so. */
static void on_timeout(struct held *held)
{
    static const struct log_backup_is not_yet;

    reply_message(held_end(held), &log_backup_is_schema, &not_yet);
}

static const struct held_functions held_functions = { .on_timeout = on_timeout };

static void wait_for(struct backup *backup, struct request *request)
{
    const struct log_backup *asked = request->message;

    if (backup->is_over) {
        answer(backup, request->sp);
        return;
    }
    if (held_is_waiting(&backup->held))
        on_timeout(&backup->held);
    held_begin_for(&backup->held, &held_functions, request->sp, backup->owner->broker->loop,
                   asked->wait_ms);
}

static struct backup *backup_new(struct backups *backups, const struct log_backup *asked)
{
    struct backup *backup = mem_new(struct backup);

    backup->job = (struct job){ .work = backup_work, .done = backup_done };
    backup->owner = backups;
    backup->log = backups->broker->log;
    backup->id = asked->id;
    backup->path = mem_dup_text(asked->path);
    return backup;
}

static void say_granted(struct broker *broker, const struct peer *peer)
{
    const struct access_denied granted = {
        .message = borrowed(log_backup_schema.name),
        .role = borrowed(role_name(peer->identity.role)),
    };

    notice_write(broker, &(struct notice){ .actor = peer->identity.actor,
                                           .schema = &access_granted_schema,
                                           .body = &granted });
}

static void begin(struct backups *backups, struct request *request)
{
    struct backup *backup = backup_new(backups, request->message);
    struct error err = { 0 };

    if (jobpool_submit(backups->pool, &backup->job, &err) < 0) {
        reply_busy(request->sp, err.text);
        backup_free(backup);
        return;
    }
    backup_free(backups->latest);
    backups->latest = backup;
    log_info("backup.begun", "actor=%s path=%s", request->peer->identity.actor,
             LOG_TEXT(backup->path));
    say_granted(backups->broker, request->peer);
    wait_for(backup, request);
}

void handle_log_backup(struct broker *broker, struct request *request)
{
    const struct log_backup *asked = request->message;
    struct backup *latest = broker->backups->latest;

    if (!request->peer->identity.is_local)
        dispatch_deny(broker, request,
                      "a backup is written on the broker's host: ask there, on its unix socket");
    else if (asked->path[0] != '/')
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT,
                      "the path of a backup has to be absolute");
    else if (latest != NULL && command_id_equal(latest->id, asked->id))
        wait_for(latest, request);
    else if (latest != NULL && !latest->is_over)
        reply_busy(request->sp, "another backup is being written: try again later");
    else
        begin(broker->backups, request);
}

int backups_new(struct broker *broker, struct backups **ret, struct error *err)
{
    struct backups *backups = mem_new(struct backups);
    int r;

    backups->broker = broker;
    r = jobpool_new(broker->loop, 1, 1, &backups->pool, err);
    if (r < 0) {
        free(backups);
        return error_add_context(err, r, "backups");
    }
    *ret = backups;
    return 0;
}

void backups_destroy(struct backups *backups)
{
    if (backups == NULL)
        return;
    jobpool_destroy(backups->pool);
    backup_free(backups->latest);
    free(backups);
}
