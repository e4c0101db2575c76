/*
 * Exit files: conmon's word about how a run ended, in RUN/exits and, as a durable copy, in the
 * bundle (BEHAVIOUR XF, CM-12 to CM-14). Seen by inotify as they are renamed into place; each is
 * told of once until it is forgotten.
 *
 * Loop thread.
 */
#ifndef GANTRY_WORKER_IO_EXITS_H
#define GANTRY_WORKER_IO_EXITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "schemas/events.h"

struct cgroups;
struct event_base;
struct exits;
struct layout;

typedef void exits_on_exit_fn(void *owner, const char *id, uint32_t run,
                              const struct container_died *died);

/* Where exits are watched; all borrowed. */
struct exits_place {
    struct event_base *loop;
    const struct layout *layout;
    const struct cgroups *cgroups;
};

/* Make RUN/exits. */
int exits_new(const struct exits_place *place, exits_on_exit_fn *on_exit, void *owner,
              struct exits **ret, struct error *err);
void exits_destroy(struct exits *exits);
DEFINE_AUTODESTROY(exits)

/* Tell of every exit file that is there, from within, then of new ones. Should the directory be
 * removed it is made again. */
int exits_watch(struct exits *exits, struct error *err);

/* What the exit file of this run says, in either place; tells nobody. False: there is none. */
bool exits_read(const struct exits *exits, const char *id, uint32_t run,
                struct container_died *ret);

/* Has this run an exit file, in either place? If so, on_exit has been called, now or before. */
bool exits_look(struct exits *exits, const char *id, uint32_t run);

/* Unlink the files of this run, as well as those that are only copies. */
void exits_forget(struct exits *exits, const char *id, uint32_t run);

/* The files of all runs of a container are gone. */
void exits_forget_all(struct exits *exits, const char *id);

/* Unlink what is in RUN/exits by a name that begins so: "<id>-", "<id>-<run>.". Any thread. */
void exits_drop(const struct layout *layout, const char *prefix);

#endif
