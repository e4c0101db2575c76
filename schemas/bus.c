/* What is said on the bus; see the header. This page is the protocol. */
#include "schemas/bus.h"

#include "schemas/images.h"
#include "schemas/volumes.h"

/* clang-format off */
static const struct field bus_error_fields[] = {
    FIELD(struct bus_error, code, "code", true),
    FIELD(struct bus_error, text, "text", true),
    FIELD(struct bus_error, retry_ms, "retry_ms", false),
    FIELD(struct bus_error, floor, "floor", false),
};
/* clang-format on */

const struct schema bus_error_schema = SCHEMA("error", struct bus_error, bus_error_fields);

/* clang-format off */
static const struct field hello_fields[] = {
    FIELD(struct hello, host, "host", true),
    FIELD(struct hello, incarnation, "incarnation", true),
    FIELD(struct hello, journal, "journal", true),
    FIELD_MESSAGE(struct hello, facts, "facts", true, &host_facts_schema),
    FIELD(struct hello, log, "log", false),
    FIELD(struct hello, acked, "acked", false),
    FIELD(struct hello, cursor, "cursor", false),
    FIELD(struct hello, first, "first", false),
    FIELD(struct hello, last, "last", false),
    FIELD(struct hello, lost_until, "lost_until", false),
    FIELD(struct hello, session, "session", false),
    FIELD(struct hello, before, "before", false),
};
/* clang-format on */

const struct schema hello_schema = SCHEMA("hello", struct hello, hello_fields);

/* clang-format off */
static const struct field welcome_fields[] = {
    FIELD(struct welcome, log, "log", true),
    FIELD(struct welcome, epoch, "epoch", false),
    FIELD(struct welcome, head, "head", false),
    FIELD(struct welcome, journal_seq, "journal_seq", false),
    FIELD(struct welcome, commands_head, "commands_head", false),
    FIELD(struct welcome, actor, "actor", false),
    FIELD(struct welcome, recovery, "recovery", false),
};
/* clang-format on */

const struct schema welcome_schema = SCHEMA("welcome", struct welcome, welcome_fields);

/* clang-format off */
static const struct field recover_fields[] = {
    FIELD(struct recover, host, "host", true),
    FIELD(struct recover, incarnation, "incarnation", true),
    FIELD(struct recover, journal, "journal", true),
    FIELD(struct recover, recovery, "recovery", true),
    FIELD(struct recover, upto, "upto", false),
    FIELD(struct recover, first, "first", false),
    FIELD_RAW(struct recover, rows, "rows", false, &container_row_schema),
    FIELD_RAW(struct recover, images, "images", false, &image_row_schema),
    FIELD_RAW(struct recover, volumes, "volumes", false, &volume_row_schema),
    FIELD_RAW(struct recover, commands, "commands", false, &record_schema),
    FIELD(struct recover, is_end, "end", false),
    FIELD(struct recover, session, "session", false),
};
/* clang-format on */

const struct schema recover_schema = SCHEMA("recover", struct recover, recover_fields);

/* clang-format off */
static const struct field poll_fields[] = {
    FIELD(struct poll, host, "host", true),
    FIELD(struct poll, incarnation, "incarnation", true),
    FIELD(struct poll, journal, "journal", true),
    FIELD(struct poll, cursor, "cursor", false),
    FIELD(struct poll, wait_ms, "wait_ms", false),
    FIELD(struct poll, session, "session", false),
    FIELD(struct poll, now, "now", false),
};
/* clang-format on */

const struct schema poll_schema = SCHEMA("poll", struct poll, poll_fields);

/* clang-format off */
static const struct field report_fields[] = {
    FIELD(struct report, host, "host", true),
    FIELD(struct report, incarnation, "incarnation", true),
    FIELD(struct report, journal, "journal", true),
    FIELD_RAW(struct report, records, "records", true, &record_schema),
    FIELD(struct report, session, "session", false),
};
/* clang-format on */

const struct schema report_schema = SCHEMA("report", struct report, report_fields);

/* clang-format off */
static const struct field ack_fields[] = {
    FIELD(struct ack, upto, "upto", true),
    FIELD(struct ack, pos, "pos", false),
};
/* clang-format on */

const struct schema ack_schema = SCHEMA("ack", struct ack, ack_fields);

/* clang-format off */
static const struct field expect_fields[] = {
    FIELD(struct expect, next, "next", true),
};
/* clang-format on */

const struct schema expect_schema = SCHEMA("expect", struct expect, expect_fields);

/* clang-format off */
static const struct field submit_fields[] = {
    FIELD_RAW(struct submit, record, "record", true, &record_schema),
};
/* clang-format on */

const struct schema submit_schema = SCHEMA("submit", struct submit, submit_fields);

/* clang-format off */
static const struct field submitted_fields[] = {
    FIELD(struct submitted, pos, "pos", false),
    FIELD(struct submitted, is_duplicate, "duplicate", false),
    FIELD(struct submitted, code, "code", false),
    FIELD(struct submitted, text, "text", false),
};
/* clang-format on */

const struct schema submitted_schema = SCHEMA("submitted", struct submitted, submitted_fields);

/* clang-format off */
static const struct field outcome_fields[] = {
    FIELD(struct outcome, id, "id", true),
    FIELD(struct outcome, wait_ms, "wait_ms", false),
};
/* clang-format on */

const struct schema outcome_schema = SCHEMA("outcome", struct outcome, outcome_fields);

/* clang-format off */
static const struct field outcome_is_fields[] = {
    FIELD_MESSAGE(struct outcome_is, command, "command", true, &command_row_schema),
};
/* clang-format on */

const struct schema outcome_is_schema = SCHEMA("outcome.is", struct outcome_is, outcome_is_fields);

/* clang-format off */
static const struct field watch_fields[] = {
    FIELD(struct watch, cursor, "cursor", false),
    FIELD(struct watch, wait_ms, "wait_ms", false),
    FIELD(struct watch, max, "max", false),
    FIELD(struct watch, hosts, "hosts", false),
    FIELD(struct watch, containers, "containers", false),
    FIELD(struct watch, types, "types", false),
    FIELD(struct watch, kind, "kind", false),
};
/* clang-format on */

const struct schema watch_schema = SCHEMA("watch", struct watch, watch_fields);

/* clang-format off */
static const struct field fetch_fields[] = {
    FIELD(struct fetch, stream, "stream", true),
    FIELD(struct fetch, after, "after", false),
    FIELD(struct fetch, upto, "upto", false),
};
/* clang-format on */

const struct schema fetch_schema = SCHEMA("fetch", struct fetch, fetch_fields);

/* clang-format off */
static const struct field page_fields[] = {
    FIELD_RAW(struct page, records, "records", false, &record_schema),
    FIELD(struct page, cursor, "cursor", false),
    FIELD(struct page, head, "head", false),
    FIELD(struct page, stream_head, "stream_head", false),
    FIELD(struct page, has_more, "more", false),
    FIELD(struct page, log, "log", false),
    FIELD(struct page, epoch, "epoch", false),
    FIELD(struct page, floor, "floor", false),
};
/* clang-format on */

const struct schema page_schema = SCHEMA("page", struct page, page_fields);

/* clang-format off */
static const struct field query_fields[] = {
    FIELD(struct query, table, "table", true),
    FIELD(struct query, host, "host", false),
    FIELD(struct query, key, "key", false),
    FIELD(struct query, after, "after", false),
};
/* clang-format on */

const struct schema query_schema = SCHEMA("query", struct query, query_fields);

/* clang-format off */
static const struct field rows_fields[] = {
    FIELD(struct rows, rows, "rows", false),
    FIELD(struct rows, next, "next", false),
    FIELD(struct rows, pos, "pos", false),
};
/* clang-format on */

const struct schema rows_schema = SCHEMA("rows", struct rows, rows_fields);

/* clang-format off */
static const struct field view_hash_is_fields[] = {
    FIELD(struct view_hash_is, pos, "pos", false),
    FIELD(struct view_hash_is, hash, "hash", true),
    FIELD(struct view_hash_is, version, "version", true),
};
/* clang-format on */

const struct schema view_hash_is_schema =
    SCHEMA("view.hash.is", struct view_hash_is, view_hash_is_fields);

/* clang-format off */
static const struct field info_is_fields[] = {
    FIELD(struct info_is, version, "version", true),
    FIELD(struct info_is, log, "log", false),
    FIELD(struct info_is, epoch, "epoch", false),
    FIELD(struct info_is, head, "head", false),
    FIELD(struct info_is, floor, "floor", false),
    FIELD(struct info_is, log_bytes, "log_bytes", false),
    FIELD(struct info_is, started, "started", false),
    FIELD(struct info_is, peers, "peers", false),
    FIELD(struct info_is, commits, "commits", false),
    FIELD(struct info_is, records, "records", false),
    FIELD(struct info_is, actor, "actor", false),
    FIELD(struct info_is, role, "role", false),
    FIELD(struct info_is, pid, "pid", false),
    FIELD(struct info_is, rebuilt, "rebuilt", false),
    FIELD(struct info_is, lost_until, "lost_until", false),
    FIELD(struct info_is, past_first, "past_first", false),
    FIELD(struct info_is, past_last, "past_last", false),
    FIELD(struct info_is, past_snapshots, "past_snapshots", false),
    FIELD(struct info_is, past_bytes, "past_bytes", false),
};
/* clang-format on */

const struct schema info_is_schema = SCHEMA("info.is", struct info_is, info_is_fields);

/* clang-format off */
static const struct field stream_open_fields[] = {
    FIELD(struct stream_open, host, "host", true),
    FIELD(struct stream_open, container, "container", false),
    FIELD(struct stream_open, kind, "kind", true),
    FIELD(struct stream_open, follow, "follow", false),
    FIELD(struct stream_open, tail, "tail", false),
    FIELD(struct stream_open, since, "since", false),
    FIELD(struct stream_open, until, "until", false),
    FIELD(struct stream_open, path, "path", false),
    FIELD(struct stream_open, names, "names", false),
    FIELD(struct stream_open, format, "format", false),
    FIELD(struct stream_open, upload, "upload", false),
    FIELD(struct stream_open, pos, "pos", false),
};
/* clang-format on */

const struct schema stream_open_schema =
    SCHEMA("stream.open", struct stream_open, stream_open_fields);

/* clang-format off */
static const struct field stream_opened_fields[] = {
    FIELD(struct stream_opened, stream, "stream", true),
};
/* clang-format on */

const struct schema stream_opened_schema =
    SCHEMA("stream.opened", struct stream_opened, stream_opened_fields);

/* clang-format off */
static const struct field stream_accept_fields[] = {
    FIELD(struct stream_accept, host, "host", true),
    FIELD(struct stream_accept, incarnation, "incarnation", true),
    FIELD(struct stream_accept, journal, "journal", true),
    FIELD(struct stream_accept, wait_ms, "wait_ms", false),
    FIELD(struct stream_accept, session, "session", false),
};
/* clang-format on */

const struct schema stream_accept_schema =
    SCHEMA("stream.accept", struct stream_accept, stream_accept_fields);

/* clang-format off */
static const struct field stream_offer_fields[] = {
    FIELD(struct stream_offer, stream, "stream", false),
    FIELD_MESSAGE(struct stream_offer, open, "open", false, &stream_open_schema),
};
/* clang-format on */

const struct schema stream_offer_schema =
    SCHEMA("stream.offer", struct stream_offer, stream_offer_fields);

/* clang-format off */
static const struct field stream_chunk_fields[] = {
    FIELD(struct stream_chunk, channel, "channel", true),
    FIELD(struct stream_chunk, time, "time", false),
    FIELD(struct stream_chunk, is_partial, "partial", false),
    FIELD(struct stream_chunk, data, "data", false),
};
/* clang-format on */

const struct schema stream_chunk_schema =
    SCHEMA("stream_chunk", struct stream_chunk, stream_chunk_fields);

/* clang-format off */
static const struct field stream_push_fields[] = {
    FIELD(struct stream_push, stream, "stream", true),
    FIELD(struct stream_push, sequence, "sequence", true),
    FIELD_LIST(struct stream_push, chunks, "chunks", &stream_chunk_schema),
    FIELD(struct stream_push, is_end, "end", false),
    FIELD(struct stream_push, failure, "failure", false),
};
/* clang-format on */

const struct schema stream_push_schema =
    SCHEMA("stream.push", struct stream_push, stream_push_fields);

/* clang-format off */
static const struct field stream_credit_fields[] = {
    FIELD(struct stream_credit, is_closed, "closed", false),
    FIELD(struct stream_credit, failure, "failure", false),
};
/* clang-format on */

const struct schema stream_credit_schema =
    SCHEMA("stream.credit", struct stream_credit, stream_credit_fields);

/* clang-format off */
static const struct field stream_read_fields[] = {
    FIELD(struct stream_read, stream, "stream", true),
    FIELD(struct stream_read, sequence, "sequence", true),
    FIELD(struct stream_read, wait_ms, "wait_ms", false),
};
/* clang-format on */

const struct schema stream_read_schema =
    SCHEMA("stream.read", struct stream_read, stream_read_fields);

/* clang-format off */
static const struct field stream_chunks_fields[] = {
    FIELD(struct stream_chunks, sequence, "sequence", false),
    FIELD_LIST(struct stream_chunks, chunks, "chunks", &stream_chunk_schema),
    FIELD(struct stream_chunks, is_end, "end", false),
    FIELD(struct stream_chunks, failure, "failure", false),
};
/* clang-format on */

const struct schema stream_chunks_schema =
    SCHEMA("stream.chunks", struct stream_chunks, stream_chunks_fields);

/* clang-format off */
static const struct field stream_close_fields[] = {
    FIELD(struct stream_close, stream, "stream", true),
    FIELD(struct stream_close, failure, "failure", false),
};
/* clang-format on */

const struct schema stream_close_schema =
    SCHEMA("stream.close", struct stream_close, stream_close_fields);

/* clang-format off */
static const struct field feed_fields[] = {
    FIELD_RAW(struct feed, records, "records", false, &record_schema),
    FIELD(struct feed, head, "head", false),
    FIELD(struct feed, log, "log", false),
    FIELD(struct feed, epoch, "epoch", false),
};
/* clang-format on */

const struct schema feed_schema = SCHEMA("feed", struct feed, feed_fields);

const struct schema view_hash_schema = SCHEMA_EMPTY("view.hash");
const struct schema info_schema = SCHEMA_EMPTY("info");
const struct schema done_schema = SCHEMA_EMPTY("done");

/* clang-format off */
static const struct field log_backup_fields[] = {
    FIELD(struct log_backup, id, "id", true),
    FIELD(struct log_backup, path, "path", true),
    FIELD(struct log_backup, wait_ms, "wait_ms", false),
};

static const struct field log_backup_is_fields[] = {
    FIELD(struct log_backup_is, is_done, "done", false),
    FIELD(struct log_backup_is, pos, "pos", false),
    FIELD(struct log_backup_is, bytes, "bytes", false),
};
/* clang-format on */

const struct schema log_backup_schema = SCHEMA("log.backup", struct log_backup, log_backup_fields);

const struct schema log_backup_is_schema =
    SCHEMA("log.backup.is", struct log_backup_is, log_backup_is_fields);

/* clang-format off */
static const struct field host_lose_fields[] = {
    FIELD(struct host_lose, host, "host", true),
};

static const struct field host_lose_is_fields[] = {
    FIELD(struct host_lose_is, pos,        "pos",        true),
    FIELD(struct host_lose_is, containers, "containers", false),
    FIELD(struct host_lose_is, commands,   "commands",   false),
};
/* clang-format on */

const struct schema host_lose_schema = SCHEMA("host.lose", struct host_lose, host_lose_fields);
const struct schema host_lose_is_schema =
    SCHEMA("host.lose.is", struct host_lose_is, host_lose_is_fields);
