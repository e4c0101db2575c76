/*
 * A worker without a worker: the engine with a journal in memory, the log of commands, and the
 * actions that somebody has to carry out. A test is that somebody.
 */
#ifndef GANTRY_TESTS_SUPPORT_ENGINE_WORLD_H
#define GANTRY_TESTS_SUPPORT_ENGINE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auto.h"
#include "schemas/record.h"
#include "worker/core/engine.h"

#define WORLD_HOST "host-a"

struct engine_world;

struct world_action {
    enum action_kind kind;
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run;
    enum step step;
    uint32_t signal;
    uint64_t number; /* of an errand */
};

struct engine_world *engine_world_new(void);
void engine_world_destroy(struct engine_world *world);
DEFINE_AUTODESTROY(engine_world)

struct engine *world_engine(struct engine_world *world);
struct engine_time world_now(const struct engine_world *world);

/* Whether each call's batch is durable at once (the default) or by world_commit(). */
void world_set_auto_commit(struct engine_world *world, bool is_automatic);
void world_commit(struct engine_world *world);

/* Kill the worker and start it again: what is not durable is lost, and so are the actions. For
 * each live run `is_alive` says whether it still is; NULL: all are. */
void world_restart(struct engine_world *world, bool is_rebooted,
                   bool (*is_alive)(void *owner, const char *id, uint32_t run), void *owner);

/* Restart the host, whose disk may have kept the exits of live runs. */
typedef bool world_find_exit_fn(void *owner, const char *id, uint32_t run,
                                struct container_died *ret);
void world_reboot(struct engine_world *world, world_find_exit_fn *find_exit, void *owner);

/* Say a command; its position. `body` is the struct of the type's schema, or NULL. The log keeps
 * it: world_restart() says again what the journal's cursor has not dealt with. */
uint64_t world_submit(struct engine_world *world, const char *type, const char *id,
                      const void *body);
/* The same with a deadline, ns since 1970. */
uint64_t world_submit_until(struct engine_world *world, const char *type, const char *id,
                            const void *body, uint64_t deadline);
/* command.cancel of the command at `target`; its position. */
uint64_t world_cancel(struct engine_world *world, uint64_t target);
/* What is said from now on waits for world_deliver(), which brings it as one page, made durable at
 * once; so does a restart. */
void world_hold(struct engine_world *world);
void world_deliver(struct engine_world *world);
/* container.create of a container called `name` with this restart policy (NULL: none). */
uint64_t world_create(struct engine_world *world, const char *id, const char *name,
                      const char *restart_policy, bool auto_remove);

/* container.create of one that requires another, by name or id. */
uint64_t world_create_requiring(struct engine_world *world, const char *id, const char *name,
                                const char *required);

/* The actions that wait, oldest first. */
size_t world_action_count(const struct engine_world *world);
struct world_action world_action(const struct engine_world *world, size_t index);
/* Take the action out; a step's result goes to the engine. */
void world_answer(struct engine_world *world, size_t index, const struct step_result *result);

/* The same for an errand. */
void world_answer_errand(struct engine_world *world, size_t index,
                         const struct errand_result *result);

void world_exit(struct engine_world *world, const char *id, uint32_t run,
                const struct container_died *died);
void world_advance_ms(struct engine_world *world, uint64_t ms);

/* What is durable. CONTAINER_STATE_COUNT when there is no such container. */
enum container_state world_state(const struct engine_world *world, const char *id);
/* "command.done" ..., or NULL; `ret_count` (may be NULL) gets how many there are. */
const char *world_outcome(const struct engine_world *world, uint64_t pos, unsigned *ret_count);
/* The code of that outcome; "" when it has none. */
const char *world_outcome_code(const struct engine_world *world, uint64_t pos);
/* Types of the events since `mark` (a number of events), separated by spaces. On the heap. */
char *world_trace(const struct engine_world *world, size_t mark);
size_t world_event_count(const struct engine_world *world);
size_t world_kept_commands(const struct engine_world *world);
uint64_t world_last_pos(const struct engine_world *world);

/* Each container's durable row is the fold of the durable events, and no row is missing or left
 * over. NULL, or what is wrong, on the heap. */
char *world_check_fold(const struct engine_world *world);

#endif
