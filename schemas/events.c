/* The bodies of events; see the header. This page is the protocol. */
#include "schemas/events.h"

#include "schemas/images.h"
#include "schemas/record.h"
#include "schemas/rows.h"
#include "schemas/volumes.h"

/* clang-format off */
static const struct field container_created_fields[] = {
    FIELD_MESSAGE(struct container_created, config, "config", true, &container_config_schema),
};

static const struct field container_initialized_fields[] = {
    FIELD(struct container_initialized, pid,            "pid",            true),
    FIELD(struct container_initialized, pid_started,    "pid_started",    false),
    FIELD(struct container_initialized, conmon_pid,     "conmon_pid",     true),
    FIELD(struct container_initialized, conmon_started, "conmon_started", false),
    FIELD(struct container_initialized, runtime,        "runtime",        true),
};

static const struct field container_init_failed_fields[] = {
    FIELD(struct container_init_failed, text, "text", false),
};

static const struct field container_stopping_fields[] = {
    FIELD(struct container_stopping, signal,    "signal",    true),
    FIELD(struct container_stopping, timeout_s, "timeout_s", false),
};

static const struct field container_signalled_fields[] = {
    FIELD(struct container_signalled, signal, "signal", true),
};

static const struct field container_died_fields[] = {
    FIELD(struct container_died, exit_code,  "exit_code",  false),
    FIELD(struct container_died, is_unknown, "unknown",    false),
    FIELD(struct container_died, oom_killed, "oom_killed", false),
    FIELD(struct container_died, finished,   "finished",   false),
};

static const struct field container_restarting_fields[] = {
    FIELD(struct container_restarting, count,    "count",    true),
    FIELD(struct container_restarting, delay_ms, "delay_ms", false),
};

static const struct field container_renamed_fields[] = {
    FIELD(struct container_renamed, name, "name", true),
};

static const struct field command_done_fields[] = {
    FIELD(struct command_done, run,     "run",     false),
    FIELD(struct command_done, results, "results", false),
};

static const struct field command_failed_fields[] = {
    FIELD(struct command_failed, code, "code", true),
    FIELD(struct command_failed, text, "text", true),
};

static const struct field runtime_fact_fields[] = {
    FIELD(struct runtime_fact, name,    "name",    true),
    FIELD(struct runtime_fact, path,    "path",    false),
    FIELD(struct runtime_fact, version, "version", false),
    FIELD(struct runtime_fact, works,   "works",   false),
    FIELD(struct runtime_fact, reason,  "reason",  false),
};
/* clang-format on */

const struct schema runtime_fact_schema =
    SCHEMA("runtime_fact", struct runtime_fact, runtime_fact_fields);

/* clang-format off */
static const struct field host_facts_fields[] = {
    FIELD(struct host_facts, version,         "version",  true),
    FIELD(struct host_facts, kernel,          "kernel",   false),
    FIELD(struct host_facts, arch,            "arch",     false),
    FIELD(struct host_facts, boot_id,         "boot_id",  false),
    FIELD(struct host_facts, cgroups,         "cgroups",  false),
    FIELD(struct host_facts, cpus,            "cpus",     false),
    FIELD(struct host_facts, memory_bytes,    "memory",   false),
    FIELD_LIST(struct host_facts, runtimes,   "runtimes", &runtime_fact_schema),
    FIELD(struct host_facts, conmon_version,  "conmon",   false),
    FIELD(struct host_facts, state_directory, "state",    false),
};
/* clang-format on */

const struct schema host_facts_schema = SCHEMA("host_facts", struct host_facts, host_facts_fields);

/* clang-format off */
static const struct field host_hello_fields[] = {
    FIELD(struct host_hello, incarnation,   "incarnation", true),
    FIELD(struct host_hello, journal,       "journal",     true),
    FIELD_MESSAGE(struct host_hello, facts, "facts",       true, &host_facts_schema),
    FIELD(struct host_hello, session,       "session",     false),
};

static const struct field host_refused_fields[] = {
    FIELD(struct host_refused, code,        "code",        true),
    FIELD(struct host_refused, text,        "text",        true),
    FIELD(struct host_refused, incarnation, "incarnation", false),
    FIELD(struct host_refused, journal,     "journal",     false),
    FIELD(struct host_refused, session,     "session",     false),
};

static const struct field host_unreachable_fields[] = {
    FIELD(struct host_unreachable, silent_ms, "silent_ms", false),
};

static const struct field host_clock_fields[] = {
    FIELD(struct host_clock, off_ms, "off_ms", false),
};

static const struct field clock_stepped_fields[] = {
    FIELD(struct clock_stepped, by_ms, "by_ms", true),
};

static const struct field host_lost_fields[] = {
    FIELD(struct host_lost, journal,    "journal",    true),
    FIELD(struct host_lost, containers, "containers", false),
    FIELD(struct host_lost, commands,   "commands",   false),
};

static const struct field container_lost_fields[] = {
    FIELD(struct container_lost, text, "text", false),
};

static const struct field host_recovering_fields[] = {
    FIELD(struct host_recovering, log,        "log",        false),
    FIELD(struct host_recovering, from,       "from",       true),
    FIELD(struct host_recovering, lost_until, "lost_until", false),
};

static const struct field host_recovered_fields[] = {
    FIELD(struct host_recovered, told,   "told",   false),
    FIELD(struct host_recovered, failed, "failed", false),
};

static const struct field container_recovered_fields[] = {
    FIELD_RAW(struct container_recovered, row, "row", true, &container_row_schema),
};

static const struct field image_recovered_fields[] = {
    FIELD_RAW(struct image_recovered, row, "row", true, &image_row_schema),
};

static const struct field volume_recovered_fields[] = {
    FIELD_RAW(struct volume_recovered, row, "row", true, &volume_row_schema),
};

static const struct field command_recovered_fields[] = {
    FIELD_RAW(struct command_recovered, command, "command", true, &record_schema),
};

static const struct field log_rebuilt_fields[] = {
    FIELD(struct log_rebuilt, epoch, "epoch", false),
};

static const struct field access_denied_fields[] = {
    FIELD(struct access_denied, message, "message", true),
    FIELD(struct access_denied, role,    "role",    true),
};

static const struct field log_trimmed_fields[] = {
    FIELD(struct log_trimmed, floor,   "floor",   true),
    FIELD(struct log_trimmed, records, "records", true),
};

const struct schema container_created_schema =
    SCHEMA("container.created", struct container_created, container_created_fields);
const struct schema container_initialized_schema =
    SCHEMA("container.initialized", struct container_initialized, container_initialized_fields);
const struct schema container_init_failed_schema =
    SCHEMA("container.init_failed", struct container_init_failed, container_init_failed_fields);
const struct schema container_started_schema = SCHEMA_EMPTY("container.started");
const struct schema container_stopping_schema =
    SCHEMA("container.stopping", struct container_stopping, container_stopping_fields);
const struct schema container_signalled_schema =
    SCHEMA("container.signalled", struct container_signalled, container_signalled_fields);
const struct schema container_died_schema =
    SCHEMA("container.died", struct container_died, container_died_fields);
const struct schema container_cleaned_schema = SCHEMA_EMPTY("container.cleaned");
const struct schema container_paused_schema = SCHEMA_EMPTY("container.paused");
const struct schema container_unpaused_schema = SCHEMA_EMPTY("container.unpaused");
const struct schema container_restarting_schema =
    SCHEMA("container.restarting", struct container_restarting, container_restarting_fields);
const struct schema container_removing_schema = SCHEMA_EMPTY("container.removing");
const struct schema container_removed_schema = SCHEMA_EMPTY("container.removed");
const struct schema container_renamed_schema =
    SCHEMA("container.renamed", struct container_renamed, container_renamed_fields);
const struct schema command_done_schema =
    SCHEMA("command.done", struct command_done, command_done_fields);
const struct schema command_failed_schema =
    SCHEMA("command.failed", struct command_failed, command_failed_fields);
const struct schema command_refused_schema =
    SCHEMA("command.refused", struct command_failed, command_failed_fields);
const struct schema command_expired_schema =
    SCHEMA("command.expired", struct command_failed, command_failed_fields);
const struct schema host_hello_schema = SCHEMA("host.hello", struct host_hello, host_hello_fields);
const struct schema host_refused_schema =
    SCHEMA("host.refused", struct host_refused, host_refused_fields);
const struct schema host_unreachable_schema =
    SCHEMA("host.unreachable", struct host_unreachable, host_unreachable_fields);
const struct schema host_reachable_schema = SCHEMA_EMPTY("host.reachable");
const struct schema host_clock_schema = SCHEMA("host.clock", struct host_clock, host_clock_fields);
const struct schema clock_stepped_schema =
    SCHEMA("clock.stepped", struct clock_stepped, clock_stepped_fields);
const struct schema host_lost_schema = SCHEMA("host.lost", struct host_lost, host_lost_fields);
const struct schema container_lost_schema =
    SCHEMA("container.lost", struct container_lost, container_lost_fields);
const struct schema host_recovering_schema =
    SCHEMA("host.recovering", struct host_recovering, host_recovering_fields);
const struct schema host_recovered_schema =
    SCHEMA("host.recovered", struct host_recovered, host_recovered_fields);
const struct schema container_recovered_schema =
    SCHEMA("container.recovered", struct container_recovered, container_recovered_fields);
const struct schema image_recovered_schema =
    SCHEMA("image.recovered", struct image_recovered, image_recovered_fields);
const struct schema volume_recovered_schema =
    SCHEMA("volume.recovered", struct volume_recovered, volume_recovered_fields);
const struct schema command_recovered_schema =
    SCHEMA("command.recovered", struct command_recovered, command_recovered_fields);
const struct schema log_rebuilt_schema =
    SCHEMA("log.rebuilt", struct log_rebuilt, log_rebuilt_fields);
const struct schema access_denied_schema =
    SCHEMA("access.denied", struct access_denied, access_denied_fields);
const struct schema access_granted_schema =
    SCHEMA("access.granted", struct access_denied, access_denied_fields);
/* clang-format on */

const struct schema log_trimmed_schema =
    SCHEMA("log.trimmed", struct log_trimmed, log_trimmed_fields);
