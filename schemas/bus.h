/*
 * What is said on the bus: requests and their replies. A frame is the array [1, type, body].
 *
 * Every request may come twice (nng sends it again after a broken connection), so each one can be
 * repeated without harm: it carries a cursor, a sequence number or an id. Any request can be
 * answered by `error` instead of its reply.
 */
#ifndef GANTRY_SCHEMAS_BUS_H
#define GANTRY_SCHEMAS_BUS_H

#include "schemas/events.h"
#include "schemas/record.h"
#include "schemas/rows.h"
#include "schemas/schema.h"

#define PAGE_RECORDS_MAX 256
#define PAGE_BYTES_MAX   (256 * 1024)
#define SUBMIT_BYTES_MAX (192 * 1024) /* of a submitted record: what follows fits in a page */
#define REPORT_BYTES_MAX (512 * 1024)
#define POLL_WAIT_MS     20000 /* what a poll waits at the broker at most */
#define ASK_TIMEOUT_MS   30000 /* when the asker gives up and asks again */
#define HOST_SILENCE_MS  30000 /* without a word of its worker a host becomes unreachable */

/* error: instead of any reply. */
struct bus_error {
    char *code; /* failure_name() */
    char *text;
    uint32_t retry_ms; /* of busy: ask again after this */
    uint64_t floor;    /* of trimmed: records up to this position are no longer kept */
};

#define HELLO_SESSIONS_MAX 64

/* hello: a worker begins, or goes on after it was told that it is not known. -> welcome */
struct hello {
    char *host;
    uint64_t incarnation; /* larger at each start of the worker, journalled before it is said */
    struct command_id journal; /* random, made with the journal */
    struct host_facts *facts;
    struct command_id log; /* the log that it has worked with; zero: none yet */
    uint64_t acked;        /* the last event that this log is known to have */
    uint64_t cursor;       /* in cmd/<host> of this log */
    uint64_t first;        /* the oldest event that the journal keeps; 0: not said */
    uint64_t last;         /* its last event */
    uint64_t lost_until;   /* ns since 1970: when the last of those that it has dropped happened */
    uint64_t session;      /* random, of this start of the worker, journalled before it is said */
    struct bytes before; /* sessions of the starts before, 8 bytes each, big endian: as far back as
                          * one that a broker has welcomed, or HELLO_SESSIONS_MAX */
};

struct welcome {
    struct command_id log;  /* id of the log, random, made with it */
    uint64_t epoch;         /* grows when a log is restored or rebuilt */
    uint64_t head;          /* position of the last record */
    uint64_t journal_seq;   /* the last of this journal that is in the log */
    uint64_t commands_head; /* position of the last record of cmd/<host> */
    char *actor;            /* who the broker takes the peer for */
    uint64_t recovery;      /* not 0: tell all about the host by `recover`, which carries this */
};

/* recover: what a worker knows of its host, for a log that does not: the rows of its containers,
 * images and volumes, and then its open commands, as they were when its journal ended at `upto`.
 * First it reports the events up to there that it still keeps. -> done */
struct recover {
    char *host;
    uint64_t incarnation;
    struct command_id journal; /* as in poll */
    uint64_t recovery;         /* as in welcome */
    uint64_t upto;             /* journal_seq */
    uint64_t first;            /* how many rows and commands came before these */
    struct raw_list rows;      /* struct container_row */
    struct raw_list images;    /* struct image_row */
    struct raw_list volumes;   /* struct volume_row */
    struct raw_list commands;  /* struct record, with what the former broker added */
    bool is_end;               /* that was all */
    uint64_t session;          /* as in hello */
};

/* poll: commands for this host after `cursor`; what is up to it is dealt with. -> page */
struct poll {
    char *host;
    uint64_t incarnation;
    struct command_id journal; /* as in hello: another journal may have the same incarnation */
    uint64_t cursor;           /* in cmd/<host>; 0: from the beginning */
    uint32_t wait_ms;          /* how long to wait for a first record, at most POLL_WAIT_MS */
    uint64_t session;          /* as in hello */
    uint64_t now;              /* ns since 1970, by the host's clock; 0: not said */
};

/* report: the next events of a worker's journal, in order. -> ack, or expect */
struct report {
    char *host;
    uint64_t incarnation;
    struct command_id journal; /* as in poll */
    struct raw_list records;   /* struct record; journal_seq without a gap */
    uint64_t session;          /* as in hello */
};

struct ack {
    uint64_t upto; /* journal_seq of the last one that is durable in the log */
    uint64_t pos;  /* of that record */
};

/* The journal_seq that the broker wants first: go back to it. */
struct expect {
    uint64_t next;
};

/* submit: one command. Acknowledged when it is durable. -> submitted */
struct submit {
    struct raw
        record; /* struct record: kind, type, host, container, id, happened, deadline, body */
};

struct submitted {
    uint64_t pos;      /* of the command's record, or of its refusal's */
    bool is_duplicate; /* it had been said before; this is the first answer again */
    char *code;        /* refused by the broker: failure_name(); NULL when accepted */
    char *text;
};

/* outcome: wait for the end of a command. -> outcome_is, with the state still pending at wait_ms */
struct outcome {
    struct command_id id;
    uint32_t wait_ms;
};

struct outcome_is {
    struct command_row *command;
};

/* watch: records after `cursor` that pass the filter, waiting for the first. -> page */
struct watch {
    uint64_t cursor;             /* 0: from the oldest record that is kept */
    uint32_t wait_ms;            /* at most POLL_WAIT_MS; 0: do not wait */
    uint32_t max;                /* records in the page; 0: PAGE_RECORDS_MAX */
    struct text_list hosts;      /* each list: any of these; empty: all */
    struct text_list containers; /* whole ids */
    struct text_list types;      /* "container.died"; "container." takes all that begin so */
    uint32_t kind;               /* enum record_kind; 0: both */
};

/* fetch: a range of one stream: after < pos <= upto. -> page */
struct fetch {
    char *stream;
    uint64_t after;
    uint64_t upto; /* 0: to the head */
};

struct page {
    struct raw_list records; /* struct record, in order of pos */
    uint64_t cursor;         /* the next request's: everything up to it is dealt with */
    uint64_t head;           /* of the log */
    uint64_t stream_head;    /* of the asker's stream; 0 for watch */
    bool has_more;           /* ask again at once */
    struct command_id log;
    uint64_t epoch;
    uint64_t floor; /* records up to this position are no longer kept: above the cursor that was
                     * asked for, it says what the asker has missed */
};

/* query: rows of the view, in order of their keys. -> rows */
struct query {
    char *table; /* "containers", "hosts", "commands", "images", "volumes" */
    char *host;  /* only of this host; NULL: all */
    char *key;   /* only this one: a container's id, a host's name, a command's id in hex,
                  * "<host>/<image id>", "<host>/<volume's name>" */
    char *after; /* the `next` of the page before; NULL: the first */
};

struct rows {
    struct raw_list rows; /* struct container_row, host_row or command_row */
    char *next;           /* ask for more with after = next; NULL: that was all */
    uint64_t pos;         /* the view holds everything up to this position */
};

/* view.hash: a fingerprint of the whole view, to hold a fold of the log against. -> view.hash.is */
struct view_hash_is {
    uint64_t pos;     /* the view holds everything up to this position */
    uint64_t hash;    /* view_hash() of common/fleet */
    uint32_t version; /* of the rules by which it was folded: VIEW_VERSION */
};

/* log.backup: write a copy of the log to a new file on the broker's host, as it is at this moment.
 * Asked again with the same id it is the same backup: so it can be waited for. -> log.backup.is */
struct log_backup {
    struct command_id id; /* random, of the backup */
    char *path;           /* absolute; nothing is there yet */
    uint32_t wait_ms;     /* how long to wait for its end, at most POLL_WAIT_MS */
};

struct log_backup_is {
    bool is_done;   /* it is on the disk; else ask again */
    uint64_t pos;   /* it holds all records up to this position, and maybe more */
    uint64_t bytes; /* of the file */
};

/* info: about the broker. -> info_is */
struct info_is {
    char *version;
    struct command_id log;
    uint64_t epoch;
    uint64_t head;
    uint64_t floor;
    uint64_t log_bytes;
    uint64_t started; /* ns since 1970 */
    uint32_t peers;   /* connected now */
    uint64_t commits; /* since the start */
    uint64_t records; /* appended since the start */
    char *actor;      /* who the asker is taken for */
    char *role;
    uint32_t pid;
    uint64_t rebuilt; /* ns since 1970: when the log was begun in place of a lost one; 0: it was not
                       */
    uint64_t lost_until; /* ns since 1970: what happened before may be missing in the log */
    uint64_t past_first; /* positions of the oldest snapshot of the view, 0: there is none, */
    uint64_t past_last;  /* and of the newest */
    uint64_t past_snapshots;
    uint64_t past_bytes; /* that they take on the disk, beside the log */
};

/* host.lose: the host and its disk are gone for good. Its commands fail and its containers are
 * lost; a worker that still has its journal is refused, one with a new journal is welcome. Refused
 * while the host is heard of. Again it is the same loss. -> host.lose.is */
struct host_lose {
    char *host;
};

struct host_lose_is {
    uint64_t pos;        /* of host.lost */
    uint64_t containers; /* as in host.lost; 0 when the host was lost before */
    uint64_t commands;
};

/* stream.open: what a console wants to read from a host, or to send to it; not logged but for its
 * opening. -> stream.opened. By `kind`:
 *     logs     the container's output
 *     export   its root filesystem as a tar
 *     archive  what is at `path` in the container as a tar
 *     diff     lines: "A", "C" or "D", a space, a path: what it has changed of its image
 *     sizes    lines: a container's id, bytes of its writable layer, bytes of its root
 *              filesystem; of `container`, or without one of all
 *     save     images `names` as a tar in `format` "oci-archive" or "docker-archive"
 *     upload   the other way round: the console pushes and the worker reads a file, which the
 *              command that names `upload` takes; it is whole on the disk when the last read is
 *              answered, and deleted with the command's outcome, or when it is a day old and none
 *              wants it
 *     progress lines: what the host says while it carries out the image.pull at `pos` of the log,
 *              from its beginning on as far as that is still kept */
struct stream_open {
    char *host;
    char *container;
    char *kind;
    bool follow;
    int64_t tail;   /* last lines; -1: all */
    uint64_t since; /* ns since 1970; 0: all */
    uint64_t until; /* 0: no end */
    char *path;
    struct text_list names;
    char *format;
    char *upload; /* name_is_valid(); chosen at random by the console */
    uint64_t pos;
};

struct stream_opened {
    uint64_t stream;
};

/* stream.accept: a worker asks for streams to serve; waits as a poll does. -> stream.offer */
struct stream_accept {
    char *host;
    uint64_t incarnation;
    struct command_id journal; /* as in poll */
    uint32_t wait_ms;
    uint64_t session; /* as in hello */
};

struct stream_offer {
    uint64_t stream; /* 0: none came while it waited */
    struct stream_open *open;
};

/* stream.push: chunks from the worker, or of an upload from the console; answered when the reader
 * has room again. Without chunks (and no end) it asks whether the reader is still there: it does
 * not count, and is answered at once. The last push of an upload is answered when the file is whole
 * on the host's disk. -> stream.credit */
struct stream_chunk {
    uint32_t channel;  /* 1 stdout, 2 stderr */
    uint64_t time;     /* ns since 1970: when it was written */
    bool is_partial;   /* no newline at its end */
    struct bytes data; /* without the newline */
};

struct stream_push {
    uint64_t stream;
    uint64_t sequence; /* 1, 2, 3: a repeated one is dropped */
    struct message_list chunks;
    bool is_end;   /* nothing follows */
    char *failure; /* it ended because of this; NULL: well */
};

struct stream_credit {
    bool is_closed; /* the reader has gone: stop */
    char *failure;  /* of an upload: why it was not taken */
};

/* stream.read: the console, or of an upload the worker, takes what is there, or waits.
 * -> stream.chunks */
struct stream_read {
    uint64_t stream;
    uint64_t sequence; /* of the chunks wanted, from 1; the ones before are dealt with */
    uint32_t wait_ms;
};

struct stream_chunks {
    uint64_t sequence; /* 0: none came while it waited */
    struct message_list chunks;
    bool is_end;
    char *failure;
};

/* stream.close -> done */
struct stream_close {
    uint64_t stream;
    char *failure; /* of a worker that cannot take an upload: the console is told */
};

/* feed: what the PUB socket says, one message per commit; may be lost: see `prev` and fetch. The
 * topic is the byte FEED_TOPIC before the frame. An idle feed repeats it empty each second. */
#define FEED_TOPIC 'f'
struct feed {
    struct raw_list records;
    uint64_t head;
    struct command_id log;
    uint64_t epoch;
};

extern const struct schema bus_error_schema;
extern const struct schema hello_schema;
extern const struct schema welcome_schema;
extern const struct schema recover_schema;
extern const struct schema poll_schema;
extern const struct schema report_schema;
extern const struct schema ack_schema;
extern const struct schema expect_schema;
extern const struct schema submit_schema;
extern const struct schema submitted_schema;
extern const struct schema outcome_schema;
extern const struct schema outcome_is_schema;
extern const struct schema watch_schema;
extern const struct schema fetch_schema;
extern const struct schema page_schema;
extern const struct schema query_schema;
extern const struct schema rows_schema;
extern const struct schema view_hash_schema; /* struct nothing */
extern const struct schema view_hash_is_schema;
extern const struct schema log_backup_schema;
extern const struct schema log_backup_is_schema;
extern const struct schema host_lose_schema;
extern const struct schema host_lose_is_schema;
extern const struct schema info_schema; /* struct nothing */
extern const struct schema info_is_schema;
extern const struct schema stream_open_schema;
extern const struct schema stream_opened_schema;
extern const struct schema stream_accept_schema;
extern const struct schema stream_offer_schema;
extern const struct schema stream_chunk_schema;
extern const struct schema stream_push_schema;
extern const struct schema stream_credit_schema;
extern const struct schema stream_read_schema;
extern const struct schema stream_chunks_schema;
extern const struct schema stream_close_schema;
extern const struct schema done_schema; /* struct nothing */
extern const struct schema feed_schema;

#endif
