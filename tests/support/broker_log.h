/* A log of the broker in a scratch directory, with the view's tables. */
#ifndef GANTRY_TESTS_SUPPORT_BROKER_LOG_H
#define GANTRY_TESTS_SUPPORT_BROKER_LOG_H

#include <stdint.h>

#include "broker/io/log.h"

struct broker_log {
    char directory[64];
    struct log *log;
};

/* cmocka's setup and teardown: *state is a struct broker_log. */
int broker_log_setup(void **state);
int broker_log_teardown(void **state);

/* Close and open it again, as a restart does. */
void broker_log_reopen(struct broker_log *place);

/* An event of this stream; what is not said is empty. */
struct record broker_log_event(const char *stream, const char *type);

/* Append events in one transaction, without folding them; the position of the last one. */
uint64_t broker_log_append(struct broker_log *place, const char *stream, const char *type,
                           unsigned count);

/* The positions of a walk, as "1 2 3", and the failure that ended it, as "!"; on the heap. */
char *broker_log_walk(struct broker_log *place, const char *stream, uint64_t after,
                      struct error *err);
void broker_log_assert_walk(struct broker_log *place, const char *stream, uint64_t after,
                            const char *expected);

#define BROKER_LOG_MARKER "marker.of.the.damaged.record"

/* Flip one bit of the marker wherever the file has it: pages are copied when they are written. */
void broker_log_damage(struct broker_log *place);

struct log_state broker_log_state(struct broker_log *place);

#endif
