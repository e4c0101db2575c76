/*
 * The rows of the view: what a fold over records says of the fleet. The broker stores them, queries
 * return them, and a worker keeps the same container row of its own containers.
 */
#ifndef GANTRY_SCHEMAS_ROWS_H
#define GANTRY_SCHEMAS_ROWS_H

#include "schemas/container_config.h"
#include "schemas/events.h"
#include "schemas/schema.h"

/* Numbers are stored: never renumber (BEHAVIOUR 1, ST-2). */
enum container_state {
    CONTAINER_UNKNOWN = 0,
    CONTAINER_CONFIGURED = 1,
    CONTAINER_CREATED = 2,
    CONTAINER_RUNNING = 3,
    CONTAINER_STOPPED = 4,
    CONTAINER_PAUSED = 5,
    CONTAINER_EXITED = 6,
    CONTAINER_REMOVING = 7,
    CONTAINER_STOPPING = 8,
    CONTAINER_STATE_COUNT,
};

struct container_row {
    char *id; /* 64 hexadecimal digits */
    char *host;
    uint32_t state; /* enum container_state */
    uint32_t run;   /* the latest; 0 before the first init */
    struct container_config *config;
    struct raw sealed_config; /* by the sealed schema instead of `config`: its bytes as stored */
    uint64_t created;         /* ns since 1970, as all times here; 0: not yet */
    uint64_t started;
    uint64_t finished;
    int32_t exit_code; /* of the latest run that ended */
    bool exit_unknown; /* nobody can know the exit code */
    bool has_exited;   /* exit_code or exit_unknown is of the latest run */
    bool oom_killed;
    bool stopped_by_user; /* a stop was asked for in this run: no restart policy */
    uint32_t pid;         /* of init; 0 when there is none */
    uint64_t pid_started;
    uint32_t conmon_pid;
    uint64_t conmon_started;
    char *runtime;
    uint32_t restart_count;
    uint64_t pos;  /* of the latest record about it; in a worker its journal_seq */
    char *failure; /* why the latest init failed; NULL when it did not */
};

enum host_state {
    HOST_REACHABLE = 1,
    HOST_UNREACHABLE = 2,
    HOST_LOST = 3, /* given up; `pos` is that of its host.lost until it says hello again */
};

struct host_row {
    char *name;
    uint32_t state;            /* enum host_state */
    uint64_t since;            /* ns since 1970: of the state */
    uint64_t incarnation;      /* of the worker; a smaller one is fenced */
    struct command_id journal; /* the worker's */
    uint64_t journal_seq;      /* the last one in the log */
    struct host_facts *facts;
    struct raw sealed_facts; /* by the sealed schema instead of `facts`: their bytes as stored */
    uint64_t pos;            /* of the latest record about the host itself */
    uint64_t recovery;       /* position of the host.recovering that goes on; 0: none does */
    uint64_t recovered;      /* containers and commands that it has told */
    uint64_t session;        /* of the worker's start; 0: it did not say */
};

enum command_state {
    COMMAND_PENDING = 1, /* accepted, no outcome yet */
    COMMAND_DONE = 2,
    COMMAND_FAILED = 3,
    COMMAND_REFUSED = 4,
    COMMAND_EXPIRED = 5,
};

struct command_row {
    struct command_id id;
    uint32_t state; /* enum command_state */
    char *type;
    char *host;
    char *container;
    char *actor;
    uint64_t pos;         /* of the command's record */
    uint64_t time;        /* ns since 1970: when it was appended */
    uint64_t outcome_pos; /* 0 while pending */
    char *code;           /* failure_name() of an outcome that is not done */
    char *text;
    uint32_t run;             /* of the outcome */
    char *name;               /* of a rename: what it holds until its outcome */
    struct text_list results; /* of the outcome */
    uint64_t
        recovered; /* position of the latest command.recovered; 0: the log has its own record */
};

/* The high-water mark of one client: what is not above it was said before. */
struct client_row {
    uint64_t sequence; /* the last */
    uint64_t pos;      /* of its record */
    uint64_t time;     /* ns since 1970: of its last word */
};

extern const struct schema container_row_schema;
extern const struct schema host_row_schema;
/* The same rows, and the same bytes, with their largest part passed on undecoded: for who changes
 * a row often and that part never. */
extern const struct schema sealed_container_row_schema;
extern const struct schema sealed_host_row_schema;

extern const struct schema command_row_schema;
extern const struct schema client_row_schema;

#endif
