/*
 * Retention: how long records are kept, and how much room they may take.
 *
 * Once a second, and after each thousand records, the oldest record is looked at. What is to go is
 * dropped in transactions of a thousand records or more: of twice as many as have been appended
 * since the last one, and before anything else that waits, so that the log does not outgrow its
 * bounds however much is written. Each says in the log what it dropped (log.trimmed). For an hour
 * after the clock was set forwards nothing goes for its age. Loop thread.
 */
#ifndef GANTRY_BROKER_RETENTION_H
#define GANTRY_BROKER_RETENTION_H

#include <stdint.h>

struct broker;
struct retention;

struct retention_policy {
    uint64_t age_ns; /* records that are older go; 0: at no age */
    uint64_t bytes;  /* that the records may take, the oldest go first; 0: any number */
};

/* With a policy that keeps everything it does nothing. */
struct retention *retention_new(struct broker *broker, const struct retention_policy *policy);

/* Records have been appended. */
void retention_wake(struct retention *retention);

/* The committer is closed: nothing is being written any more. NULL is legal. */
void retention_destroy(struct retention *retention);

#endif
