/*
 * A broker that answers before it commits: each transaction stays open until the next one begins.
 *
 * The linker puts these functions in place of the store's (--wrap), so that the broker itself has
 * no trace of it. The checker must find what such a broker loses.
 */
#include <sys/types.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/store.h"

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*) */
int __real_store_begin(struct store *store, enum store_mode mode, struct store_txn **ret,
                       struct error *err);
int __real_store_commit(struct store_txn *txn, struct error *err);
int __wrap_store_begin(struct store *store, enum store_mode mode, struct store_txn **ret,
                       struct error *err);
int __wrap_store_commit(struct store_txn *txn, struct error *err);

/* The committer's thread's alone. */
static struct store_txn *answered;

int __wrap_store_begin(struct store *store, enum store_mode mode, struct store_txn **ret,
                       struct error *err)
{
    if (mode == STORE_WRITE && answered != NULL) {
        int r = __real_store_commit(steal_ptr(answered), err);

        if (r < 0)
            return r;
    }
    return __real_store_begin(store, mode, ret, err);
}

/* What the main thread writes, it writes before it answers anybody. */
int __wrap_store_commit(struct store_txn *txn, struct error *err)
{
    if (gettid() == getpid())
        return __real_store_commit(txn, err);
    answered = txn;
    return 0;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*) */
