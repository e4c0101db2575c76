/* The rows of the view; see the header. This page is the protocol. */
#include "schemas/rows.h"

/* clang-format off */
#define CONTAINER_ROW_FIELDS(config)                                        \
    FIELD(struct container_row, id,              "id",              true),  \
    FIELD(struct container_row, host,            "host",            true),  \
    FIELD(struct container_row, state,           "state",           true),  \
    FIELD(struct container_row, run,             "run",             false), \
    config,                                                                 \
    FIELD(struct container_row, created,         "created",         false), \
    FIELD(struct container_row, started,         "started",         false), \
    FIELD(struct container_row, finished,        "finished",        false), \
    FIELD(struct container_row, exit_code,       "exit_code",       false), \
    FIELD(struct container_row, exit_unknown,    "exit_unknown",    false), \
    FIELD(struct container_row, has_exited,      "has_exited",      false), \
    FIELD(struct container_row, oom_killed,      "oom_killed",      false), \
    FIELD(struct container_row, stopped_by_user, "stopped_by_user", false), \
    FIELD(struct container_row, pid,             "pid",             false), \
    FIELD(struct container_row, pid_started,     "pid_started",     false), \
    FIELD(struct container_row, conmon_pid,      "conmon_pid",      false), \
    FIELD(struct container_row, conmon_started,  "conmon_started",  false), \
    FIELD(struct container_row, runtime,         "runtime",         false), \
    FIELD(struct container_row, restart_count,   "restart_count",   false), \
    FIELD(struct container_row, pos,             "pos",             false), \
    FIELD(struct container_row, failure,         "failure",         false)

static const struct field container_row_fields[] = {
    CONTAINER_ROW_FIELDS(FIELD_MESSAGE(struct container_row, config, "config", false, &container_config_schema))
};

static const struct field sealed_container_row_fields[] = {
    CONTAINER_ROW_FIELDS(FIELD_RAW(struct container_row, sealed_config, "config", false, &container_config_schema))
};

#define HOST_ROW_FIELDS(facts)                                   \
    FIELD(struct host_row, name,          "name",        true),  \
    FIELD(struct host_row, state,         "state",       true),  \
    FIELD(struct host_row, since,         "since",       false), \
    FIELD(struct host_row, incarnation,   "incarnation", false), \
    FIELD(struct host_row, journal,       "journal",     false), \
    FIELD(struct host_row, journal_seq,   "journal_seq", false), \
    facts,                                                       \
    FIELD(struct host_row, pos,           "pos",         false), \
    FIELD(struct host_row, recovery,      "recovery",    false), \
    FIELD(struct host_row, recovered,     "recovered",   false), \
    FIELD(struct host_row, session,       "session",     false)

static const struct field host_row_fields[] = {
    HOST_ROW_FIELDS(FIELD_MESSAGE(struct host_row, facts, "facts", false, &host_facts_schema))
};

static const struct field sealed_host_row_fields[] = {
    HOST_ROW_FIELDS(FIELD_RAW(struct host_row, sealed_facts, "facts", false, &host_facts_schema))
};

static const struct field command_row_fields[] = {
    FIELD(struct command_row, id,          "id",          true),
    FIELD(struct command_row, state,       "state",       true),
    FIELD(struct command_row, type,        "type",        true),
    FIELD(struct command_row, host,        "host",        false),
    FIELD(struct command_row, container,   "container",   false),
    FIELD(struct command_row, actor,       "actor",       false),
    FIELD(struct command_row, pos,         "pos",         false),
    FIELD(struct command_row, time,        "time",        false),
    FIELD(struct command_row, outcome_pos, "outcome_pos", false),
    FIELD(struct command_row, code,        "code",        false),
    FIELD(struct command_row, text,        "text",        false),
    FIELD(struct command_row, run,         "run",         false),
    FIELD(struct command_row, name,        "name",        false),
    FIELD(struct command_row, results,     "results",     false),
    FIELD(struct command_row, recovered,   "recovered",   false),
};

static const struct field client_row_fields[] = {
    FIELD(struct client_row, sequence, "sequence", true),
    FIELD(struct client_row, pos,      "pos",      false),
    FIELD(struct client_row, time,     "time",     false),
};

const struct schema container_row_schema =
    SCHEMA("container_row", struct container_row, container_row_fields);
const struct schema host_row_schema = SCHEMA("host_row", struct host_row, host_row_fields);
const struct schema sealed_container_row_schema =
    SCHEMA("container_row", struct container_row, sealed_container_row_fields);
const struct schema sealed_host_row_schema =
    SCHEMA("host_row", struct host_row, sealed_host_row_fields);
const struct schema command_row_schema =
    SCHEMA("command_row", struct command_row, command_row_fields);
const struct schema client_row_schema = SCHEMA("client_row", struct client_row, client_row_fields);
/* clang-format on */
