/*
 * A start of the worker, as its journal keeps it: which host's it is, the incarnation, the session,
 * the boot that it lives in. For journal.c only.
 */
#ifndef GANTRY_WORKER_IO_JOURNAL_START_H
#define GANTRY_WORKER_IO_JOURNAL_START_H

#include <stdbool.h>

#include "common/error.h"
#include "common/io/store.h"
#include "worker/io/sessions.h"

#define JOURNAL_META_TABLE 0

struct journal_start {
    uint64_t incarnation;
    struct sessions sessions;    /* the newest is that of this start */
    struct sessions_text before; /* those of the starts before */
    bool is_rebooted;            /* the boot id is another than the one that is kept */
};

/* Make the journal one of `host`, or see that it is: -EINVAL. Then begin a new incarnation with a
 * new session. Another boot id is kept later, by whoever has said what the reboot ended. */
int journal_start_begin(struct store_txn *txn, const char *host, const char *boot_id,
                        struct journal_start *ret, struct error *err);

int journal_start_put_boot(struct store_txn *txn, const char *boot_id, struct error *err);
int journal_start_put_sessions(struct store_txn *txn, const struct sessions_text *sessions,
                               struct error *err);

#endif
