/*
 * The worker's mind: every container of this host, what is asked of it and what is done for it.
 *
 * Pure: no clock, no I/O, no thread; time is an argument, and every call fills a batch with what
 * is to be made durable and with what is to be done once it is. The engine's state is ahead of the
 * disk by the batches that are not yet durable; a batch's actions must not begin before it is.
 *
 * Owner: the worker. Thread: the loop.
 */
#ifndef GANTRY_WORKER_CORE_ENGINE_H
#define GANTRY_WORKER_CORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/record.h"
#include "worker/core/batch.h"
#include "worker/core/ledger.h"
#include "worker/core/lifecycle.h"

struct engine;

/* How far the journal has come. */
struct engine_settings {
    const char *host; /* copied */
    uint64_t incarnation;
    uint64_t last_seq; /* of the last event in the journal; 0: none */
    uint64_t cursor;   /* in cmd/<host> */
};

struct engine *engine_new(const struct engine_settings *settings);
void engine_destroy(struct engine *engine);
DEFINE_AUTODESTROY(engine)

/*
 * Begin with what the journal holds: all images, volumes and containers, then all commands without
 * an outcome in order of their positions, then all units (the values of the changes of these
 * kinds). -EBADMSG. Then engine_set_lost() for each live run that is not alive, or after a restart
 * of the host engine_set_exit() for each whose exit is known; and engine_resume() before anything
 * else.
 */
int engine_load_container(struct engine *engine, struct bytes value, struct error *err);
int engine_load_image(struct engine *engine, struct bytes value, struct error *err);
int engine_load_volume(struct engine *engine, struct bytes value, struct error *err);
int engine_load_command(struct engine *engine, struct bytes value, struct error *err);
int engine_load_unit(struct engine *engine, struct bytes value, struct error *err);

/* The run of this container has ended while nobody looked; engine_exit() will tell how. */
void engine_set_lost(struct engine *engine, const char *id);

/* The host was restarted, and this is how the run had ended. */
void engine_set_exit(struct engine *engine, const char *id, uint32_t run,
                     const struct container_died *died);

/* Go on with what was open. `is_rebooted`: the host was restarted, nothing runs any more. */
void engine_resume(struct engine *engine, bool is_rebooted, struct engine_time now,
                   struct batch *batch);

/*
 * A page of commands comes: call it for each of them before the first is given to engine_command(),
 * and make what comes of all of them durable at once. So a command.cancel of the page wins over the
 * command that it means.
 */
void engine_foresee(struct engine *engine, const struct record *record, struct engine_time now);

/* A command from cmd/<host>, with its position. One that was seen before is ignored. */
void engine_command(struct engine *engine, const struct record *record, struct engine_time now,
                    struct batch *batch);

/* The step that an action asked for has ended. */
void engine_result(struct engine *engine, const char *id, const struct step_result *result,
                   struct engine_time now, struct batch *batch);

/* The action of the errand at this position has ended; nothing happens when there is none. */
void engine_errand_result(struct engine *engine, uint64_t number,
                          const struct errand_result *result, struct engine_time now,
                          struct batch *batch);

/* A run has ended, of a container that is known or not. */
void engine_exit(struct engine *engine, const char *id, uint32_t run,
                 const struct container_died *died, struct engine_time now, struct batch *batch);

/* Call it when engine_deadline_ms() has come. */
void engine_timer(struct engine *engine, struct engine_time now, struct batch *batch);

/* Steady clock; UINT64_MAX: nothing is waited for. */
uint64_t engine_deadline_ms(const struct engine *engine);

/* While true (the journal is full), new commands are refused as busy, and restart policies wait;
 * all else goes on. engine_deadline_ms() may be another afterwards. */
void engine_set_full(struct engine *engine, bool is_full);

/* What is known of a container, borrowed until the next call. False when there is none. */
struct engine_container {
    const char *id;
    const struct container_row *row;
    const struct container_config *config; /* while it is being created, the command's */
    bool is_live;                          /* a run of it is, as far as is known, alive */
};

bool engine_find(const struct engine *engine, const char *id, struct engine_container *ret);

/* Calls `visit` for each container; it must not change the engine but by engine_set_lost(). */
void engine_walk(const struct engine *engine,
                 void (*visit)(void *owner, const struct engine_container *container), void *owner);

/* What is known of images and volumes, borrowed until the next call; NULL when there is none. */
const struct image_row *engine_image(const struct engine *engine, const char *id);
const struct volume_row *engine_volume(const struct engine *engine, const char *name);
const struct errand *engine_errand(const struct engine *engine, uint64_t number);

/* The image that a text means, and NULL for none or several; see stock.h. */
const struct image_row *engine_find_image(const struct engine *engine, const char *text);

/* Calls `visit` for each row; it must not change the engine. */
void engine_walk_images(const struct engine *engine,
                        void (*visit)(void *owner, const struct image_row *row), void *owner);
void engine_walk_volumes(const struct engine *engine,
                         void (*visit)(void *owner, const struct volume_row *row), void *owner);

/* Whether a command about images or volumes, by its position in the log, waits or is carried out.
 */
bool engine_has_errand(const struct engine *engine, uint64_t pos);

/* Calls `visit` for the id of each upload that a command still wants. */
void engine_walk_uploads(const struct engine *engine,
                         void (*visit)(void *owner, const char *upload), void *owner);

/* The anonymous volumes that go with the container when the step under way removes it; names, in
 * `arena`. */
struct text_list engine_doomed_volumes(const struct engine *engine, const char *id,
                                       struct arena *arena);

/* What the commands under way at the container say, besides its configuration. */
const struct command *engine_command_of(const struct engine *engine, const char *id);

uint64_t engine_cursor(const struct engine *engine);

#endif
