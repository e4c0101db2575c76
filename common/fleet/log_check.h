/*
 * Whether a log is what it promises: read record by record, in order, and folded on the way. Pure;
 * what it keeps is the view, and one position for each stream and each host's journal.
 *
 * Checked: positions grow; each record names the one before it in its stream, and is in the stream
 * where it belongs; the events of each journal are all there, in order; every command has at most
 * one outcome, and every outcome a command.
 */
#ifndef GANTRY_COMMON_FLEET_LOG_CHECK_H
#define GANTRY_COMMON_FLEET_LOG_CHECK_H

#include "common/auto.h"
#include "common/error.h"
#include "common/fleet/fleet.h"

#define LOG_CHECK_FAULTS_MAX 100 /* told in words; all are counted */

struct log_check;

/* What is wrong, in words. */
struct log_fault {
    uint64_t pos;
    char text[ERROR_TEXT_MAX];
};

struct log_counts {
    uint64_t records;
    uint64_t commands;
    uint64_t outcomes;
    uint64_t streams;
    uint64_t journals;   /* of hosts, former ones included */
    uint64_t recoveries; /* of hosts: what the log lacked was told by their workers */
    uint64_t lost_until; /* ns since 1970: what happened before may be missing; 0: all is here */
    uint64_t
        unfollowed; /* records that mean nothing to the view; no fault: the broker counts them */
    uint64_t faults;
};

/* `beginning`: records up to this position are no longer kept, and nothing is expected of them. */
struct log_check *log_check_new(uint64_t beginning);
void log_check_destroy(struct log_check *check);
DEFINE_AUTODESTROY(log_check)

/* The next record. A fault of the log is noted; an error is the view's: the check is over. */
int log_check_add(struct log_check *check, const struct record *record, struct error *err);

/* Note a fault that was found elsewhere. */
void log_check_fault(struct log_check *check, uint64_t pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct log_counts log_check_counts(const struct log_check *check);

/* The first LOG_CHECK_FAULTS_MAX, in the order found; NULL beyond the last. */
const struct log_fault *log_check_fault_at(const struct log_check *check, size_t i);

/* The last record; 0: none yet. */
uint64_t log_check_pos(const struct log_check *check);

/* The fold of what was added; lives as long as `check`. */
const struct view *log_check_view(const struct log_check *check);

#endif
