/* Snapshots of the view; see the header. */
#include "schemas/past.h"

/* clang-format off */
static const struct field past_fields[] = {
    FIELD(struct past_ask, pos, "pos", false),
    FIELD(struct past_ask, time, "time", false),
    FIELD(struct past_ask, snapshot, "snapshot", false),
    FIELD(struct past_ask, chunk, "chunk", false),
    FIELD(struct past_ask, host, "host", false),
    FIELD(struct past_ask, container, "container", false),
};

static const struct field row_fields[] = {
    FIELD(struct past_row, table, "table", false),
    FIELD(struct past_row, key, "key", true),
    FIELD(struct past_row, value, "value", true),
};

static const struct field past_is_fields[] = {
    FIELD(struct past_is, snapshot, "snapshot", false),
    FIELD(struct past_is, time, "time", false),
    FIELD(struct past_is, version, "version", true),
    FIELD_LIST(struct past_is, rows, "rows", &past_row_schema),
    FIELD(struct past_is, next, "next", false),
    FIELD(struct past_is, first, "first", false),
};

static const struct field source_fields[] = {
    FIELD(struct past_source, log, "log", true),
    FIELD(struct past_source, epoch, "epoch", true),
    FIELD(struct past_source, version, "version", true),
    FIELD(struct past_source, format, "format", true),
};

static const struct field snapshot_fields[] = {
    FIELD(struct past_snapshot, pos, "pos", true),
    FIELD(struct past_snapshot, time, "time", false),
    FIELD(struct past_snapshot, latest, "latest", false),
    FIELD(struct past_snapshot, record_crc32, "record_crc32", false),
    FIELD(struct past_snapshot, chunks, "chunks", false),
    FIELD(struct past_snapshot, rows, "rows", false),
    FIELD(struct past_snapshot, bytes, "bytes", false),
};

static const struct field chunk_fields[] = {
    FIELD(struct past_chunk, table, "table", false),
    FIELD(struct past_chunk, key, "key", true),
    FIELD(struct past_chunk, size, "size", true),
    FIELD(struct past_chunk, packed, "packed", true),
};

static const struct field rows_fields[] = {
    FIELD_LIST(struct past_rows, rows, "rows", &past_row_schema),
};
/* clang-format on */

const struct schema past_ask_schema = SCHEMA("past", struct past_ask, past_fields);
const struct schema past_row_schema = SCHEMA("past_row", struct past_row, row_fields);
const struct schema past_is_schema = SCHEMA("past.is", struct past_is, past_is_fields);
const struct schema past_source_schema = SCHEMA("past_source", struct past_source, source_fields);
const struct schema past_snapshot_schema =
    SCHEMA("past_snapshot", struct past_snapshot, snapshot_fields);
const struct schema past_chunk_schema = SCHEMA("past_chunk", struct past_chunk, chunk_fields);
const struct schema past_rows_schema = SCHEMA("past_rows", struct past_rows, rows_fields);
