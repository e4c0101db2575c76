/*
 * The hands of a worker for tests: directories of their own, a root filesystem of one static
 * busybox, a loop, and what the hands told. Every wait is for an event, with a deadline so long
 * that only what never comes misses it; the test fails then.
 */
#ifndef GANTRY_TESTS_SUPPORT_HANDS_RIG_H
#define GANTRY_TESTS_SUPPORT_HANDS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/id.h"
#include "worker/io/hands.h"

#define RIG_WORDS_MAX 8

struct rig {
    char id[CONTAINER_ID_SIZE + 1]; /* random: control groups are the machine's */
    char *directory;                /* state/, run/ and rootfs/ are in it */
    char *rootfs;
    struct event_base *loop;
    struct jobpool *pool;
    struct hands *hands;
    struct container_config config;
    char *words[RIG_WORDS_MAX]; /* of the command */
    struct hands_container container;
    uint32_t conmon_pid;
    uint64_t conmon_started;

    bool is_step_done;
    int code; /* of the last step */
    enum failure failure;
    char text[512];
    unsigned probes;
    char runtime[32]; /* the first of the last probe; "" when it does not work */
    unsigned exits;
    unsigned losses;
    uint32_t exit_run;
    struct container_died died;
    bool is_late;
};

/* cmocka's fixtures. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* The hands end and begin anew in the same directories: all that a killed worker leaves. */
void rig_close_hands(struct rig *rig);
void rig_open_hands(struct rig *rig);

/* The container runs `/bin/sh -c SCRIPT`. */
void rig_set_script(struct rig *rig, const char *script);

/* The command is this one word. */
void rig_set_command(struct rig *rig, const char *word);

typedef void rig_step_fn(struct hands *hands, const struct hands_container *container,
                         hands_done_fn *done, void *owner);

/* Begin a step without waiting for it. */
void rig_begin(struct rig *rig, rig_step_fn *step);
void rig_wait_step(struct rig *rig);

/* Carry out a step; it must succeed. */
void rig_do(struct rig *rig, rig_step_fn *step);
void rig_signal(struct rig *rig, uint32_t signal);

/* Carry out a step; it must fail so. */
void rig_fail(struct rig *rig, rig_step_fn *step, enum failure failure);

/* Run the loop until `*count` is at least `wanted`. */
void rig_wait_count(struct rig *rig, const unsigned *count, unsigned wanted);

/* Until the container's output holds `words`. */
void rig_wait_output(struct rig *rig, const char *words);

/* Until conmon is dead; the loop does not run meanwhile. */
void rig_wait_conmon_death(const struct rig *rig);

/* A zombie that nobody has reaped yet is dead. */
bool rig_is_init_dead(const struct rig *rig);

void rig_watch_exits(struct rig *rig);
void rig_probe(struct rig *rig);
/* Is conmon of the last init alive? */
bool rig_adopt(struct rig *rig);

/* Watch exits, make directories, init. */
void rig_create(struct rig *rig);
/* And start. */
void rig_start(struct rig *rig);
/* Run to the end; the log, on the heap. */
char *rig_run(struct rig *rig);
/* Delete, forget the exit, remove; nothing may be left. */
void rig_clear(struct rig *rig);

/* The container's log, on the heap. */
char *rig_read_log(const struct rig *rig);

/* `name` must not be in `directory` (below the rig's). */
void rig_assert_gone(const struct rig *rig, const char *directory, const char *name);
/* RUN must hold nothing of the run. */
void rig_assert_run_gone(const struct rig *rig);

#endif
