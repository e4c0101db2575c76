/*
 * A log of one's own making, folded into a view in memory: for tests of the fold and of what reads
 * the view. Host "a" is its default; ids, positions and times are counted by it.
 */
#ifndef GANTRY_TESTS_SUPPORT_FLEET_LOG_H
#define GANTRY_TESTS_SUPPORT_FLEET_LOG_H

#include "common/fleet/fleet.h"
#include "common/fleet/memory_view.h"
#include "schemas/commands.h"

#define LOG_HOST   "a"
#define LOG_CLIENT 7
#define LOG_SECOND 1000000000ULL
#define LOG_HOUR   (3600 * LOG_SECOND)
#define LOG_START  (1700000000 * LOG_SECOND)

struct fleet_log {
    struct memory_view *memory;
    const struct view *view;
    struct arena arena; /* of the records' parts */
    uint64_t pos;       /* of the last record */
    uint64_t now_ns;    /* when the last was appended; the next one is so too */
    uint64_t journal_seq;
    uint64_t sequence; /* of LOG_CLIENT */
};

/* With or without host "a" having said hello. */
struct fleet_log *fleet_log_new(void);
struct fleet_log *fleet_log_new_empty(void);
void fleet_log_destroy(struct fleet_log *log);
DEFINE_AUTODESTROY(fleet_log)

/* A container's id that ends in this number. */
char *fleet_log_container(struct fleet_log *log, unsigned number);

/* A configuration with no more than it needs. */
struct container_config *fleet_log_config(struct fleet_log *log, const char *name);

/* Records that are not applied yet; `body` by the type's schema, NULL for none. */
struct record fleet_log_command(struct fleet_log *log, const char *type, const char *container,
                                const void *body);
struct record fleet_log_event(struct fleet_log *log, const char *type, const char *container,
                              uint32_t run, const void *body);
/* By the broker itself: without a journal's number. */
struct record fleet_log_system(struct fleet_log *log, const char *type, const char *host,
                               const void *body);
/* The end of a command, by host "a". */
struct record fleet_log_outcome(struct fleet_log *log, const char *type, struct command_id command);

/* Give it the next position and fold it. */
int fleet_log_apply(struct fleet_log *log, struct record *record, struct error *err);

/* As above with an assertion that it is legal. */
void fleet_log_must(struct fleet_log *log, struct record record);

/* A command container.create of this name, and all events up to a running container. */
struct command_id fleet_log_create(struct fleet_log *log, const char *id, const char *name);
void fleet_log_created(struct fleet_log *log, const char *id, const char *name);
void fleet_log_initialized(struct fleet_log *log, const char *id, uint32_t run);
void fleet_log_running(struct fleet_log *log, const char *id, const char *name);

/* The row, with its parts in the log's arena; a row whose id is NULL when there is none. */
struct container_row fleet_log_row(struct fleet_log *log, const char *id);
struct command_row fleet_log_command_row(struct fleet_log *log, struct command_id id);

uint64_t fleet_log_hash(const struct fleet_log *log);

#endif
