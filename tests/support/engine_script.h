/*
 * Words for tests of the engine that answer every action themselves: what is expected to be asked
 * for, and what comes of it. One container, SCRIPT_ID, called "web".
 */
#ifndef GANTRY_TESTS_SUPPORT_ENGINE_SCRIPT_H
#define GANTRY_TESTS_SUPPORT_ENGINE_SCRIPT_H

#include "tests/support/engine_world.h"

#define SCRIPT_ID    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SCRIPT_OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A test whose state is a new world; afterwards every row must be the fold of its events. */
#define SCRIPT_TEST(test) cmocka_unit_test_setup_teardown(test, script_set_up, script_tear_down)
int script_set_up(void **state);
int script_tear_down(void **state);

/* Nothing is asked for (exits that are to be forgotten say nothing here). */
void script_expect_nothing(struct engine_world *world);
/* The one action that waits is this step. */
struct world_action script_expect_step(struct engine_world *world, enum step step);
/* It is, and this comes of it. */
void script_succeed(struct engine_world *world, enum step step);
void script_fail(struct engine_world *world, enum step step, enum failure failure);

/* The command has ended once, like this; `code` is "" for command.done. */
void script_expect_outcome(struct engine_world *world, uint64_t pos, const char *type,
                           const char *code);
void script_expect_refused(struct engine_world *world, uint64_t pos, const char *code);
void script_expect_pending(struct engine_world *world, uint64_t pos);
/* The types of the events since `mark`. */
void script_expect_trace(struct engine_world *world, size_t mark, const char *expected);

/* Bring the container so far; every step succeeds. */
void script_create(struct engine_world *world, const char *policy, bool auto_remove);
void script_start(struct engine_world *world);
void script_running(struct engine_world *world, const char *policy, bool auto_remove);

/* Whatever is asked of the host succeeds, until nothing is asked any more. */
void script_carry_out(struct engine_world *world);
/* Another container, created in full. */
void script_create_named(struct engine_world *world, const char *id, const char *name);

/* Its run ends, now. */
void script_exit(struct engine_world *world, uint32_t run, int32_t code);

/* Commands; their positions. */
uint64_t script_stop(struct engine_world *world, uint32_t timeout_s);
uint64_t script_kill(struct engine_world *world, uint32_t signal);

#endif
