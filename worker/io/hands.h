/*
 * What a worker's hands can do to one container: each function carries out one step of an
 * operation in the world and says what came of it. The core decides which; the top level wires.
 *
 * Every step is idempotent: done twice it succeeds twice (a worker that was killed does its open
 * step again). `done` is called on the loop thread exactly once, never from within the call.
 *
 * Layout below the two directories of the worker:
 *     STATE/storage/                   images (images.h)
 *     STATE/containers/<id>/           bundle: config.json, ctr.log, attach, ctl, winsz (durable)
 *     STATE/containers/<id>/exits/<run>/exit    conmon's persist dir: the durable copy of the exit
 *     STATE/containers/<id>/upper, work         changes to an image's files (rootfs_mount.h)
 *     STATE/volumes/<name>/_data       a volume (volumes.h); its users are in RUN/volumes/<name>
 *     RUN/exits/<id>-<run>             conmon's exit file (by rename); -c and -u are "<id>-<run>"
 *     RUN/containers/<id>/             pidfile, conmon.pid, oci-log, resolv.conf, hosts, hostname
 *     RUN/containers/<id>/rootfs, mounts        an image's root filesystem, and who holds it
 *     RUN/runtime/                     --root of the OCI runtime
 *     RUN/probe/gantry-probe-...       small containers that probe the runtimes
 *     RUN/facts                        what they have found
 *
 * conmon names the exit file by its -c, which is also the container's id in the OCI runtime. So
 * the runtime knows a run as "<id>-<run>" (for exec and the like, too), and no late word or deed
 * about one run can hit another. The control group is /gantry/<id>.
 */
#ifndef GANTRY_WORKER_IO_HANDS_H
#define GANTRY_WORKER_IO_HANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "schemas/commands.h"
#include "schemas/container_config.h"
#include "schemas/events.h"
#include "schemas/failure.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

struct event_base;
struct jobpool;
struct hands;
struct images;
struct layout;

/* Borrowed for the call that begins the step; the hands copy what they need. */
struct hands_container {
    const char *id;
    uint32_t run; /* the run that the step is about */
    const struct container_config *config;
    const char *runtime; /* of an existing run: its runtime's name; NULL: choose */
    uint64_t created;    /* ns since 1970 */
    uint32_t pid;        /* of init, when there is one */
    uint64_t pid_started;
    bool is_paused;
    const struct volume *const *volumes; /* those of its mounts that are known */
    size_t volume_count;
    struct text_list doomed_volumes;       /* of a removal: names of what goes with it */
    const struct container_commit *commit; /* of hands_commit */
    const struct container_copy *copy;     /* of hands_copy */
};

/* What came of a step. */
struct hands_result {
    int code;                          /* 0 or negative errno; -ECANCELED: the hands are destroyed,
                                        * nothing was decided, the next worker takes it up */
    enum failure failure;              /* for the command's outcome, when code is negative */
    const char *text;                  /* the sentence, borrowed for the call */
    struct container_initialized init; /* of hands_create_runtime; texts borrowed */
    const struct image *const *images; /* of hands_pull_image, hands_commit and hands_store */
    size_t image_count;
    const char *word; /* of hands_mount: where; borrowed */
};

typedef void hands_done_fn(void *owner, const struct hands_result *result);

/* What happens by itself. */
struct hands_events {
    /* An exit file of a known or unknown container, seen by inotify, by a rescan or by
     * hands_find_exit. The file stays until hands_forget_exit. */
    void (*on_exit)(void *owner, const char *id, uint32_t run, const struct container_died *died);
    /* conmon of this run is gone, and no exit file came within a second: nobody can know the exit
     * code. Its init has been killed. */
    void (*on_lost)(void *owner, const char *id, uint32_t run, const struct container_died *died);
};

/* Make the directories; watch RUN/exits; does not probe. */
int hands_new(struct event_base *loop, struct jobpool *pool, const char *state_directory,
              const char *run_directory, const struct hands_events *events, void *owner,
              struct hands **ret, struct error *err);

/* Steps under way end with -ECANCELED, from within; what they began in the world stays for the next
 * worker. Before or after the pool is destroyed: a job that still runs keeps what it needs. */
void hands_destroy(struct hands *hands);
DEFINE_AUTODESTROY(hands)

/* Facts about this host; runs each OCI runtime once on a small container to see whether it works
 * in this host's cgroup layout. `facts` is borrowed for the call and kept inside for hands_facts.
 */
void hands_probe(struct hands *hands, void (*done)(void *owner, const struct host_facts *facts),
                 void *owner);

/* What the last probe of this boot has found, even if that was an earlier worker's; NULL when there
 * was none. Borrowed until the next probe is through. */
const struct host_facts *hands_facts(const struct hands *hands);

/* Begin watching exits: tells of every exit file that is there, then of new ones. Call it after
 * the journal is open and the known containers are adopted. */
int hands_watch_exits(struct hands *hands, struct error *err);

/* create: check the root filesystem, make the bundle directory. Undo: hands_remove_directories. */
void hands_make_directories(struct hands *hands, const struct hands_container *container,
                            hands_done_fn *done, void *owner);

/* init: write config.json (and hosts, resolv.conf, hostname), launch conmon, wait for the runtime's
 * create. result.init holds the pids; conmon and init are watched from then on. On failure what was
 * begun has been undone (runtime delete --force), so that the step can be tried again. */
void hands_create_runtime(struct hands *hands, const struct hands_container *container,
                          hands_done_fn *done, void *owner);

/* start: `runtime start`. */
void hands_start_runtime(struct hands *hands, const struct hands_container *container,
                         hands_done_fn *done, void *owner);

/* stop, kill: to init by its pidfd; to all by `runtime kill --all` when `may_signal_all` and the
 * rule SP-1 say so. SIGKILL also thaws what is paused. Success when it is dead. */
void hands_signal(struct hands *hands, const struct hands_container *container, uint32_t signal,
                  bool may_signal_all, hands_done_fn *done, void *owner);

void hands_pause(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                 void *owner);
void hands_unpause(struct hands *hands, const struct hands_container *container,
                   hands_done_fn *done, void *owner);

/* update: the limits of a run that lives become those of the configuration. */
void hands_update_limits(struct hands *hands, const struct hands_container *container,
                         hands_done_fn *done, void *owner);

/* cleanup: `runtime delete --force`, unmount, remove what RUN has of the container. A live init is
 * killed, as is all that is left in its control group; conmon has ended when this is done, so the
 * exit of the run has been told of. Exit files stay. */
void hands_delete_runtime(struct hands *hands, const struct hands_container *container,
                          hands_done_fn *done, void *owner);

/* remove: delete the bundle directory, RUN's directory, exit files of all runs and the doomed
 * volumes. */
void hands_remove_directories(struct hands *hands, const struct hands_container *container,
                              hands_done_fn *done, void *owner);

/* The exit of this run is journalled: unlink its files. */
void hands_forget_exit(struct hands *hands, const char *id, uint32_t run);

/* After a restart of the worker: look at the world for this run, which the journal says is alive
 * (initialized, not died). If its conmon lives: watch both again. Otherwise on_exit or on_lost is
 * called (later, on the loop). `is_alive` tells which. */
int hands_adopt(struct hands *hands, const struct hands_container *container, uint32_t conmon_pid,
                uint64_t conmon_started, bool *ret_is_alive, struct error *err);

/* After a restart of the host: what conmon has kept of the end of this run. False when it has kept
 * nothing. The files stay until hands_forget_exit. */
bool hands_find_exit(const struct hands *hands, const char *id, uint32_t run,
                     struct container_died *ret);

/* After a restart: an init that was begun and has no fact. Reports the same result as
 * hands_create_runtime if the runtime's create had succeeded and conmon lives, or undoes it. */
void hands_resolve_create(struct hands *hands, const struct hands_container *container,
                          hands_done_fn *done, void *owner);

/* create: bring the image that the configuration names. */
void hands_pull_image(struct hands *hands, const struct hands_container *container,
                      hands_done_fn *done, void *owner);

/* A new image of the container's image and what it has changed. */
void hands_commit(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                  void *owner);

/* Extract an upload in the container. */
void hands_copy(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                void *owner);

/* Keep its root filesystem mounted for an operator, or no longer. */
void hands_mount(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                 void *owner);
void hands_unmount(struct hands *hands, const struct hands_container *container,
                   hands_done_fn *done, void *owner);

/* What can be done to the host's store. */
enum hands_storage_kind {
    HANDS_PULL = 1,
    HANDS_LOAD,
    HANDS_IMPORT,
    HANDS_REMOVE_IMAGE,
    HANDS_CREATE_VOLUME,
    HANDS_REMOVE_VOLUME,
};

/* Borrowed for the call. What the kind does not need is NULL. */
struct hands_storage {
    enum hands_storage_kind kind;
    const struct image_pull *pull;
    const struct image_load *load;
    const struct image_import *import;
    const char *image;           /* id of the one to be removed */
    const struct volume *volume; /* to be created or removed */
    int progress_fd;             /* a pipe for the words of who fetches, not blocking; 0: none */
};

/* Idempotent, as a step is. */
void hands_store(struct hands *hands, const struct hands_storage *request, hands_done_fn *done,
                 void *owner);

/* The upload is not needed any more. */
void hands_forget_upload(struct hands *hands, const char *upload);

/* What the journal knows: whatever else the store holds is left of a crash and goes, as do mounts
 * of whom nobody knows, or of work that has died with its process. Before any step or storage call.
 */
struct hands_known {
    const char *const *images; /* ids */
    size_t image_count;
    const char *const *volumes; /* names */
    size_t volume_count;
    const char *const *containers; /* ids */
    size_t container_count;
    const char *const *uploads; /* that commands still want */
    size_t upload_count;
    bool is_new_boot; /* nothing of the last boot runs or is mounted any more */
};

int hands_sweep(struct hands *hands, const struct hands_known *known, struct error *err);

/* Uploads alone (uploads.h), at any time. */
int hands_sweep_uploads(struct hands *hands, const char *const *wanted, size_t wanted_count,
                        struct error *err);

/* What streams read from, on pool threads; the hands' as long as they live. */
const struct layout *hands_layout(const struct hands *hands);
struct images *hands_images(const struct hands *hands);

/* The boot id of the running kernel. */
const char *hands_boot_id(const struct hands *hands);

#endif
