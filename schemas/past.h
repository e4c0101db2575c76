/*
 * Snapshots of the view: how they are asked for, and how the broker keeps them (STATE/past).
 *
 * A snapshot is what has to be known of the fleet at one position of the log to tell, by folding
 * the records behind it, what its hosts and containers were at any later one: the rows of hosts,
 * containers and names, and of the commands that had no outcome yet.
 */
#ifndef GANTRY_SCHEMAS_PAST_H
#define GANTRY_SCHEMAS_PAST_H

#include "schemas/schema.h"

#define PAST_CHUNK_BYTES (256UL * 1024) /* of rows in one answer; the last may lie beyond it */

/* past: the newest snapshot that is not beyond a moment, in pages. -> past.is */
struct past_ask {
    uint64_t pos;      /* not beyond this position; or */
    uint64_t time;     /* holding no record that was appended after this (ns since 1970) */
    uint64_t snapshot; /* not 0: go on with this one, as the answer before said, */
    uint32_t chunk;    /* from here */
    char *host;        /* only its rows; NULL: all */
    char *container;   /* only what concerns this one: its row, its host's, its commands'; NULL: all
                        */
};

struct past_row {
    uint32_t table; /* enum view_table of common/fleet; the numbers stay */
    struct bytes key;
    struct bytes value;
};

struct past_is {
    uint64_t snapshot;        /* its position; 0: there is none so early */
    uint64_t time;            /* ns since 1970: of the record there */
    uint32_t version;         /* of the rules by which it was folded: VIEW_VERSION */
    struct message_list rows; /* struct past_row, in order of table and key */
    uint32_t next;            /* ask for more with `chunk` = next; 0: that was all */
    uint64_t first;           /* position of the oldest snapshot; 0: there is none */
};

/* Of which log the snapshots are, and by which rules. */
struct past_source {
    struct command_id log;
    uint64_t epoch;
    uint32_t version; /* VIEW_VERSION */
    uint32_t format;  /* of how they are stored */
};

struct past_snapshot {
    uint64_t pos;
    uint64_t time;         /* ns since 1970: of the record there */
    uint64_t latest;       /* the latest time of any record up to there */
    uint32_t record_crc32; /* of the record there: crc32c of its bytes */
    uint32_t chunks;
    uint64_t rows;
    uint64_t bytes; /* that its chunks take */
};

/* Some of the rows of a snapshot. */
struct past_chunk {
    uint32_t table; /* of the first row, */
    struct bytes key;
    uint32_t size;       /* bytes of `rows` when they are unpacked */
    struct bytes packed; /* struct past_rows, by zstd */
};

struct past_rows {
    struct message_list rows; /* struct past_row */
};

extern const struct schema past_ask_schema;
extern const struct schema past_is_schema;
extern const struct schema past_row_schema;
extern const struct schema past_source_schema;
extern const struct schema past_snapshot_schema;
extern const struct schema past_chunk_schema;
extern const struct schema past_rows_schema;

#endif
