/*
 * A record: one command or one event, as the log keeps it, as pages carry it, and (with the
 * broker's part still empty) as a worker journals and reports it and as a client submits it.
 *
 * Immutable once it has a position. On the wire it is a msgpack array; fields are only appended.
 */
#ifndef GANTRY_SCHEMAS_RECORD_H
#define GANTRY_SCHEMAS_RECORD_H

#include "schemas/schema.h"

enum record_kind {
    RECORD_COMMAND = 1, /* what somebody wants */
    RECORD_EVENT = 2,   /* what happened; outcomes of commands are events too */
};

struct record {
    uint64_t pos;    /* in the log, from 1; grows, not contiguous. By the broker */
    uint32_t kind;   /* enum record_kind */
    char *type;      /* "container.start", "container.died": picks the body's schema */
    char *stream;    /* "cmd/<host>", "evt/<host>" or "sys". By the broker */
    uint64_t prev;   /* position of the stream's record before, 0 for the first. By the broker */
    uint64_t time;   /* ns since 1970 when the broker appended it */
    char *host;      /* the host that it is about; NULL when none */
    char *container; /* 64 hexadecimal digits; NULL when none */
    uint32_t run;    /* of the container, from 1; 0 when none */
    struct command_id id;    /* of a command: its own, chosen by the author */
    struct command_id cause; /* of an event: the command behind it; zero when none */
    char *actor;             /* the identity that the broker authenticated. By the broker */
    uint64_t incarnation;    /* of the worker, for its events */
    uint64_t journal_seq;    /* in the worker's journal, from 1, contiguous; 0 for others */
    uint64_t happened; /* ns since 1970 by the host's clock; for a command: when it was written */
    uint64_t deadline; /* ns since 1970: a command that has not begun by then expires; 0: never */
    struct raw body;   /* a map by the schema of `type`; empty when the type has no fields */
};

extern const struct schema record_schema;

#define STREAM_SYSTEM          "sys"
#define STREAM_COMMANDS_PREFIX "cmd/"
#define STREAM_EVENTS_PREFIX   "evt/"

#endif
