/* Which hosts have fallen silent; see the header. */
#include "broker/core/liveness.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/mem.h"

struct host {
    char *name;
    uint64_t heard_ms;
    bool is_silent;            /* told; it is in no list then */
    TAILQ_ENTRY(host) in_turn; /* of those not silent: longest ago first */
    UT_hash_handle by_name;
};

TAILQ_HEAD(host_list, host);

struct liveness {
    uint64_t silence_ms;
    size_t hosts_max;
    size_t reachable_count;
    struct host *hosts;
    struct host_list waiting;
};

struct liveness *liveness_new(uint64_t silence_ms, size_t hosts_max)
{
    struct liveness *liveness = mem_new(struct liveness);

    liveness->silence_ms = silence_ms;
    liveness->hosts_max = hosts_max;
    TAILQ_INIT(&liveness->waiting);
    return liveness;
}

/* NOLINTBEGIN(readability-function-*): uthash's macros are counted as ours */
static struct host *find(const struct liveness *liveness, const char *name)
{
    struct host *host;

    HASH_FIND(by_name, liveness->hosts, name, strlen(name), host);
    return host;
}

/* A host nobody has heard yet: silent. NULL when there are too many. */
static struct host *add(struct liveness *liveness, const char *name)
{
    struct host *host;

    if (HASH_CNT(by_name, liveness->hosts) >= liveness->hosts_max)
        return NULL;
    host = mem_new(struct host);
    host->name = mem_dup_text(name);
    host->is_silent = true;
    HASH_ADD_KEYPTR(by_name, liveness->hosts, host->name, strlen(host->name), host);
    return host;
}

/* NOLINTEND(readability-function-*) */

static void leave_list(struct liveness *liveness, struct host *host)
{
    if (host->is_silent)
        return;
    TAILQ_REMOVE(&liveness->waiting, host, in_turn);
    liveness->reachable_count--;
    host->is_silent = true;
}

/* NOLINTNEXTLINE(readability-function-*) */
static void destroy_host(struct liveness *liveness, struct host *host)
{
    leave_list(liveness, host);
    HASH_DELETE(by_name, liveness->hosts, host);
    free(host->name);
    free(host);
}

void liveness_destroy(struct liveness *liveness)
{
    struct host *host;
    struct host *next;

    if (liveness == NULL)
        return;
    HASH_ITER(by_name, liveness->hosts, host, next)
    {
        destroy_host(liveness, host);
    }
    free(liveness);
}

static int find_or_add(struct liveness *liveness, const char *name, struct host **ret,
                       struct error *err)
{
    struct host *host = find(liveness, name);

    if (host == NULL)
        host = add(liveness, name);
    if (host == NULL)
        return error_set(err, -ENOSPC, "host %s: %zu hosts are known, that is the maximum", name,
                         liveness->hosts_max);
    *ret = host;
    return 0;
}

int liveness_heard(struct liveness *liveness, const char *name, uint64_t now_ms,
                   bool *ret_was_silent, struct error *err)
{
    struct host *host;
    struct host *last = TAILQ_LAST(&liveness->waiting, host_list);
    bool was_silent;
    int r;

    r = find_or_add(liveness, name, &host, err);
    if (r < 0)
        return r;
    was_silent = host->is_silent;
    leave_list(liveness, host);
    /* The list is in order of time: a clock that went back would break it. */
    host->heard_ms = last != NULL && last->heard_ms > now_ms ? last->heard_ms : now_ms;
    host->is_silent = false;
    TAILQ_INSERT_TAIL(&liveness->waiting, host, in_turn);
    liveness->reachable_count++;
    if (ret_was_silent != NULL)
        *ret_was_silent = was_silent;
    return 0;
}

int liveness_add_silent(struct liveness *liveness, const char *name, struct error *err)
{
    struct host *host;
    int r;

    r = find_or_add(liveness, name, &host, err);
    if (r < 0)
        return r;
    leave_list(liveness, host);
    return 0;
}

void liveness_forget(struct liveness *liveness, const char *name)
{
    struct host *host = find(liveness, name);

    if (host != NULL)
        destroy_host(liveness, host);
}

uint64_t liveness_deadline(const struct liveness *liveness)
{
    const struct host *host = TAILQ_FIRST(&liveness->waiting);

    return host != NULL ? host->heard_ms + liveness->silence_ms : LIVENESS_NEVER;
}

bool liveness_next_silent(struct liveness *liveness, uint64_t now_ms, struct silence *ret)
{
    struct host *host = TAILQ_FIRST(&liveness->waiting);

    if (host == NULL || now_ms < host->heard_ms + liveness->silence_ms)
        return false;
    leave_list(liveness, host);
    *ret = (struct silence){ .host = host->name, .silent_ms = now_ms - host->heard_ms };
    return true;
}

size_t liveness_reachable(const struct liveness *liveness)
{
    return liveness->reachable_count;
}
