/* A fingerprint of the view; see the header. */
#include "broker/view_hash.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/reply.h"
#include "broker/view_store.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"

#define WAITING_MAX 8

struct view_hashes {
    struct jobpool *pool; /* of one thread */
};

/* One request: the pool's until it is done. */
struct hashing {
    struct job job;
    struct held held;
    struct log *log;
    struct view_hash_is answer;
    struct error failure; /* code 0: none */
};

/* Hash and position are of one transaction: of the same moment. */
static int read_hash(struct log *log, struct view_hash_is *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    struct view view;
    uint64_t hash;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    view = view_store_in(txn);
    r = view_hash(&view, &hash, err);
    if (r < 0)
        return r;
    *ret = (struct view_hash_is){ .pos = state.head, .hash = hash, .version = VIEW_VERSION };
    return 0;
}

static void hash_work(struct job *job)
{
    struct hashing *hashing = container_of(job, struct hashing, job);
    int r = read_hash(hashing->log, &hashing->answer, &hashing->failure);

    if (r < 0 && hashing->failure.code == 0)
        (void)error_set(&hashing->failure, r, "read the view");
}

static void hash_done(struct job *job)
{
    autofree struct hashing *hashing = container_of(job, struct hashing, job);
    struct sp_request *request = held_end(&hashing->held);

    if (job->cancelled) {
        reply_busy(request, "the broker is stopping");
    } else if (hashing->failure.code != 0) {
        log_failure("view.unreadable", &hashing->failure);
        reply_error(request, &hashing->failure);
    } else {
        reply_message(request, &view_hash_is_schema, &hashing->answer);
    }
}

static const struct held_functions held_functions = { 0 };

void handle_view_hash(struct broker *broker, struct request *request)
{
    struct hashing *hashing = mem_new(struct hashing);
    struct error err = { 0 };

    hashing->job = (struct job){ .work = hash_work, .done = hash_done };
    hashing->log = broker->log;
    held_begin(&hashing->held, &held_functions, request->sp);
    if (jobpool_submit(broker->view_hashes->pool, &hashing->job, &err) == 0)
        return;
    reply_busy(held_end(&hashing->held), err.text);
    free(hashing);
}

int view_hashes_new(struct broker *broker, struct view_hashes **ret, struct error *err)
{
    struct view_hashes *hashes = mem_new(struct view_hashes);
    int r;

    r = jobpool_new(broker->loop, 1, WAITING_MAX, &hashes->pool, err);
    if (r < 0) {
        free(hashes);
        return error_add_context(err, r, "hashes of the view");
    }
    *ret = hashes;
    return 0;
}

void view_hashes_destroy(struct view_hashes *hashes)
{
    if (hashes == NULL)
        return;
    jobpool_destroy(hashes->pool);
    free(hashes);
}
