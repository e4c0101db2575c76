/*
 * Why a container is as it is: its records, read in order, cut down to what its present state goes
 * back to. Pure, and of a size of its own however long the container has lived.
 *
 * What led to what: an event was caused by the command that it names; without one, an exit by the
 * stop or the signal before it in its run, a run by the restart policy, and that by the exit
 * before.
 */
#ifndef GANTRY_OPS_CONSOLE_STORY_H
#define GANTRY_OPS_CONSOLE_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fleet/container_state.h"
#include "common/id.h"
#include "schemas/events.h"
#include "schemas/record.h"

#define STORY_COMMANDS 256 /* the latest, of which events may be a consequence */
#define STORY_TROUBLES 8   /* the latest commands that came to nothing */
#define STORY_TEXT_MAX 256

/* A record, as far as the story needs it. */
struct story_fact {
    uint64_t pos;  /* 0: there is none */
    uint64_t time; /* ns since 1970: when it happened */
    uint32_t kind; /* enum record_kind */
    uint32_t run;
    char type[48];
    char actor[STORY_TEXT_MAX];
    char details[STORY_TEXT_MAX];
    struct command_id id; /* of a command: its own; of an event: its cause */
};

/* What happened, and the command behind it (pos 0: none, or one that is not known any more). */
struct story_event {
    struct story_fact fact;
    struct story_fact command;
};

/* Exits, stops and the like are those of the latest run. */
enum story_part {
    STORY_CREATED,
    STORY_INIT_FAILED, /* after the latest run, if at all */
    STORY_INITIALIZED,
    STORY_STARTED,
    STORY_PAUSED, /* paused or unpaused, the later one */
    STORY_STOPPING,
    STORY_SIGNALLED,
    STORY_DIED,
    STORY_CLEANED,
    STORY_RESTARTING, /* the policy's decision for the run to come */
    STORY_REMOVING,
    STORY_REMOVED,
    STORY_RENAMED,
    STORY_UPDATED,
    STORY_LOST, /* its host was given up, or came back without its journal */
    STORY_PART_COUNT,
};

struct story {
    char id[CONTAINER_ID_SIZE + 1];
    char name[NAME_SIZE_MAX + 1];
    char host[NAME_SIZE_MAX + 1];
    char policy[32]; /* of restarts; "": none */
    bool is_auto_removed;
    enum container_state state; /* UNKNOWN: it never came to be */
    uint32_t run;
    uint64_t since; /* ns since 1970: of the state; 0: never */
    uint64_t record_count;

    struct story_event parts[STORY_PART_COUNT];
    struct container_died died;     /* of the latest run, when it has ended */
    struct story_event restarting;  /* the policy's decision for the latest run; none: a user's */
    struct story_event last_died;   /* of the run before that one */
    struct story_event first_start; /* of the runs that the policy kept up: a user's */
    uint32_t signal;                /* the latest that was sent in the latest run */
    struct story_fact creation;     /* the latest container.create */

    struct story_fact commands[STORY_COMMANDS];  /* a ring */
    size_t command_count;                        /* of all */
    struct story_event troubles[STORY_TROUBLES]; /* a ring */
    size_t trouble_count;                        /* of all */
    struct command_id journal;                   /* of the host, by its hellos */
};

/* A new story; on the heap, free() it. */
struct story *story_new(const char *id);

/* The next record of the container, in order of positions; host.hello records of its host too. */
void story_add(struct story *story, const struct record *record);

/* Whether anything was said of the container at all. */
static inline bool story_is_empty(const struct story *story)
{
    return story->record_count == 0;
}

static inline const struct story_event *story_part(const struct story *story, enum story_part part)
{
    return &story->parts[part];
}

/* The i-th of the commands kept that came to nothing, the oldest first; NULL beyond the last. */
const struct story_event *story_trouble(const struct story *story, size_t i);

#endif
