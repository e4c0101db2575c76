/*
 * The bodies of events: what happened. Never undone, only followed. An intent ("stop asked for")
 * and a fact ("died with 137") are different events.
 *
 * Container events carry host, container, run and cause in their record.
 */
#ifndef GANTRY_SCHEMAS_EVENTS_H
#define GANTRY_SCHEMAS_EVENTS_H

#include "schemas/container_config.h"
#include "schemas/schema.h"

/* container.created: the record exists and its directories are made. */
struct container_created {
    struct container_config *config;
};

/* container.initialized: the runtime made it; its process waits before exec. */
struct container_initialized {
    uint32_t pid;         /* of init, on the host */
    uint64_t pid_started; /* its start time in clock ticks since boot: /proc/<pid>/stat, field 22 */
    uint32_t conmon_pid;
    uint64_t conmon_started;
    char *runtime; /* "crun" or "runc" */
};

/* container.started has no fields. container.stopping: intent, somebody asked for the stop. */
struct container_stopping {
    uint32_t signal;    /* the first one sent */
    uint32_t timeout_s; /* until SIGKILL */
};

/* container.signalled: a kill was carried out. */
struct container_signalled {
    uint32_t signal;
};

/* container.died: the exit is known, or known to be unknowable. */
struct container_died {
    int32_t exit_code; /* 0 to 255, 128 + signal; meaningless when unknown */
    bool is_unknown;   /* conmon died first: nobody can know the code */
    bool oom_killed;
    uint64_t finished; /* ns since 1970: the ctime of the exit file */
};

/* container.cleaned (deleted in the runtime, unmounted), .paused, .unpaused, .removing, .removed
 * have no fields. container.init_failed: an init was undone; the state is what it was before. */
struct container_init_failed {
    char *text;
};

/* container.restarting: a restart policy has decided on another run. */
struct container_restarting {
    uint32_t count;    /* of restarts since the user's start, this one included */
    uint64_t delay_ms; /* until it begins */
};

/* container.renamed: the old name is free. */
struct container_renamed {
    char *name;
};

/* command.done, and with a reason command.failed, .refused, .expired: exactly one for a command. */
struct command_done {
    uint32_t run;             /* of the container, when the command made or ended one */
    struct text_list results; /* ids of images and names of volumes that it made or removed */
};

struct command_failed {
    char *code; /* failure_name() */
    char *text; /* a sentence for the operator */
};

struct runtime_fact {
    char *name; /* "crun" */
    char *path;
    char *version;
    bool works;
    char *reason; /* why it does not */
};

/* host.hello: a worker (again) speaks for this host; by the broker from the worker's hello. */
struct host_facts {
    char *version; /* of gantry-worker */
    char *kernel;  /* uname -r */
    char *arch;    /* uname -m */
    char *boot_id;
    char *cgroups; /* "v1", "v2" or "hybrid" */
    uint32_t cpus;
    uint64_t memory_bytes;
    struct message_list runtimes; /* struct runtime_fact, the preferred first */
    char *conmon_version;
    char *state_directory; /* absolute: images, containers and volumes are beneath it */
};

struct host_hello {
    uint64_t incarnation;
    struct command_id journal; /* random, made with the journal */
    struct host_facts *facts;
    uint64_t session; /* random, of this start of the worker; 0: it did not say */
};

/* host.refused: a worker's hello was refused; its actor is who said it. Once for each worker, and
 * not more than one in a while for each host. */
struct host_refused {
    char *code; /* failure_name() */
    char *text;
    uint64_t incarnation; /* of the worker that was refused, as in its hello */
    struct command_id journal;
    uint64_t session;
};

/* host.unreachable: nothing heard for too long. host.reachable: heard again. */
struct host_unreachable {
    uint64_t silent_ms;
};

/* host.clock: the host's clock says something else than the broker's, by more than 5 s; or again
 * the same, as far as can be seen: 0. Events say when they happened by the host's clock. */
struct host_clock {
    int64_t off_ms; /* before the broker's; negative: behind it */
};

/* clock.stepped: the broker's clock was set. Records keep their order, and their times do not go
 * back: while the clock is behind the last one, records get that one's time. */
struct clock_stepped {
    int64_t by_ms; /* forwards; negative: backwards */
};

/* host.recovering: the log lacks what its worker knows (it is made anew, or older than that), and
 * is told: the journal's events from `from` on that are still kept, which change nothing, and then
 * what the containers are and which commands are open. The host's containers are forgotten until
 * then. */
struct host_recovering {
    struct command_id log; /* that the worker has worked with */
    uint64_t from;         /* journal_seq; events before are not told (again) */
    uint64_t lost_until; /* ns since 1970: events up to then are kept by nobody; 0: all are told */
};

/* host.lost: somebody said that the host is gone for good, with its disk. Its commands have failed
 * and each of its containers is lost before this; its images and volumes are forgotten with it. */
struct host_lost {
    struct command_id journal; /* that nobody takes up any more */
    uint64_t containers;       /* that were lost */
    uint64_t commands;         /* that have failed */
};

/* container.lost: nobody knows anything of it any more. */
struct container_lost {
    char *text; /* why */
};

/* container.recovered, image.recovered, volume.recovered: what it is, by its worker. */
struct container_recovered {
    struct raw row; /* struct container_row */
};

struct image_recovered {
    struct raw row; /* struct image_row */
};

struct volume_recovered {
    struct raw row; /* struct volume_row */
};

/* command.recovered: its worker has it, and it has no outcome yet. The record's cause is its id. */
struct command_recovered {
    struct raw command; /* struct record: as the former log had it */
};

/* host.recovered: that was all; its worker's commands and events go on. */
struct host_recovered {
    uint64_t told;   /* containers, images, volumes and commands */
    uint64_t failed; /* commands of this log that nobody knows the outcome of */
};

/* log.rebuilt: the log begins in place of one that is lost. What no worker still keeps is gone:
 * records, outcomes, which commands the clients have said. */
struct log_rebuilt {
    uint64_t epoch;
};

/* access.denied: a peer asked for what its role may not do. access.granted: a peer was let in to
 * what is not logged itself: it opened a stream of the record's container, or took a backup. */
struct access_denied {
    char *message; /* the type that it sent */
    char *role;
};

/* log.trimmed: the oldest records were dropped; what they meant is kept in the view. */
struct log_trimmed {
    uint64_t floor;   /* records up to this position are no longer kept */
    uint64_t records; /* dropped by this */
};

extern const struct schema container_created_schema;
extern const struct schema container_initialized_schema;
extern const struct schema container_init_failed_schema;
extern const struct schema container_started_schema;
extern const struct schema container_stopping_schema;
extern const struct schema container_signalled_schema;
extern const struct schema container_died_schema;
extern const struct schema container_cleaned_schema;
extern const struct schema container_paused_schema;
extern const struct schema container_unpaused_schema;
extern const struct schema container_restarting_schema;
extern const struct schema container_removing_schema;
extern const struct schema container_removed_schema;
extern const struct schema container_renamed_schema;
extern const struct schema command_done_schema;
extern const struct schema command_failed_schema;
extern const struct schema command_refused_schema; /* struct command_failed */
extern const struct schema command_expired_schema; /* struct command_failed */
extern const struct schema runtime_fact_schema;
extern const struct schema host_facts_schema;
extern const struct schema host_hello_schema;
extern const struct schema host_refused_schema;
extern const struct schema host_unreachable_schema;
extern const struct schema host_reachable_schema;
extern const struct schema host_clock_schema;
extern const struct schema clock_stepped_schema;
extern const struct schema host_lost_schema;
extern const struct schema container_lost_schema;
extern const struct schema host_recovering_schema;
extern const struct schema host_recovered_schema;
extern const struct schema container_recovered_schema;
extern const struct schema image_recovered_schema;
extern const struct schema volume_recovered_schema;
extern const struct schema command_recovered_schema;
extern const struct schema log_rebuilt_schema;
extern const struct schema access_denied_schema;
extern const struct schema access_granted_schema; /* struct access_denied */
extern const struct schema log_trimmed_schema;

#endif
