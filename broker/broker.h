/*
 * The broker: the owner of the log, of all who are connected, and of what they wait for.
 *
 * Everything belongs to the loop thread; only the committer's batches are written on another one.
 * The parts are wired here and reach one another through this struct.
 */
#ifndef GANTRY_BROKER_BROKER_H
#define GANTRY_BROKER_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/retention.h"
#include "common/auto.h"
#include "common/error.h"
#include "common/io/sp.h"

struct backups;
struct committer;
struct event_base;
struct publisher;
struct hosts;
struct log;
struct outcomes;
struct snapshots;
struct relay;
struct view_hashes;
struct watches;

struct broker_options {
    const char *state_directory;
    const char *accepted_journal; /* host whose worker may come with another journal; NULL: none */
    bool is_recovering;           /* workers tell what this log lacks, having lost it */
    struct retention_policy retention;
};

struct broker {
    struct event_base *loop;
    const struct broker_options *options; /* borrowed */
    uint64_t started_ns;                  /* since 1970 */
    struct log *log;
    struct committer *committer;
    struct sp_server *server;
    struct hosts *hosts;
    struct watches *watches;
    struct outcomes *outcomes;
    struct relay *relay;
    struct publisher *publisher;
    struct clocks *clocks;
    struct retention *retention;
    struct view_hashes *view_hashes;
    struct backups *backups;
    struct snapshots *snapshots;
    void (*on_drained)(struct broker *broker); /* while stopping: all is written and answered */
};

/* Open the log, bring the view up to it, and be ready to listen on broker->server. */
int broker_new(struct event_base *loop, const struct broker_options *options, struct broker **ret,
               struct error *err);

/* Take nothing to write any more; call `on_drained` (never from within) when all is written. */
void broker_drain(struct broker *broker, void (*on_drained)(struct broker *broker));

/* Close peers, finish the batch that is being written, close the log. NULL is legal. */
void broker_destroy(struct broker *broker);
DEFINE_AUTODESTROY(broker)

#endif
