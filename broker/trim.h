/*
 * Dropping the oldest records of the log, without losing what they mean: see view_base.h.
 *
 * A command that has no outcome yet stays, and everything behind it: its worker has still to read
 * it. The last record of the log stays too.
 */
#ifndef GANTRY_BROKER_TRIM_H
#define GANTRY_BROKER_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/io/log.h"
#include "common/fleet/fleet.h"

#define TRIM_RECORDS_USUAL 1000 /* in one transaction */
#define TRIM_RECORDS_MAX   8000

/* What is to go: what is older, and as much as there is too much. */
struct trim_wish {
    uint64_t before_ns;   /* since 1970; 0: none for its age */
    uint64_t bytes_max;   /* that the records may take; 0: any number */
    unsigned records_max; /* at once */
};

struct trimmed {
    uint64_t floor;   /* of the log now */
    unsigned records; /* dropped */
    bool has_more;    /* more of them would have to go */
    uint64_t held_by; /* position of the command without an outcome that holds others; 0: none */
};

/* Whether the oldest record is to go; `ret_held_by` as above. `view`: the live one, as the
 * transaction sees it. */
int trim_is_due(struct log_txn *txn, const struct view *view, const struct trim_wish *wish,
                bool *ret, uint64_t *ret_held_by, struct error *err);

/* Drop at most as many records as wished, and append nothing. Records that only tell of earlier
 * trimming are dropped with others but not alone: a log at rest stays at rest. */
int trim_log(struct log_txn *txn, const struct view *view, const struct trim_wish *wish,
             struct trimmed *ret, struct error *err);

#endif
