/* A record; see the header. This page is the protocol: the order of these rows is the array's. */
#include "schemas/record.h"

/* clang-format off */
static const struct field record_fields[] = {
    FIELD(struct record, pos,         "pos",         false),
    FIELD(struct record, kind,        "kind",        true),
    FIELD(struct record, type,        "type",        true),
    FIELD(struct record, stream,      "stream",      false),
    FIELD(struct record, prev,        "prev",        false),
    FIELD(struct record, time,        "time",        false),
    FIELD(struct record, host,        "host",        false),
    FIELD(struct record, container,   "container",   false),
    FIELD(struct record, run,         "run",         false),
    FIELD(struct record, id,          "id",          false),
    FIELD(struct record, cause,       "cause",       false),
    FIELD(struct record, actor,       "actor",       false),
    FIELD(struct record, incarnation, "incarnation", false),
    FIELD(struct record, journal_seq, "journal_seq", false),
    FIELD(struct record, happened,    "happened",    false),
    FIELD(struct record, deadline,    "deadline",    false),
    FIELD(struct record, body,        "body",        false),
};
/* clang-format on */

const struct schema record_schema = SCHEMA_OF("record", SCHEMA_ARRAY, struct record, record_fields);
