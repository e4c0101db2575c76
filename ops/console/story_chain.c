/* A container's story in words; see the header. */
#include "ops/console/story_chain.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ops/console/units.h"

#define SIGNAL_EXIT_BASE 128

/* A chain while it is made. */
struct maker {
    const struct story *story;
    struct chain *chain;
    enum chain_section section;
};

static void add(struct maker *maker, const struct story_fact *fact, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct maker *maker, const struct story_fact *fact, const char *fmt, ...)
{
    struct chain_link *link = &maker->chain->links[maker->chain->count];
    va_list args;

    assert(maker->chain->count < CHAIN_LINKS_MAX);
    link->section = maker->section;
    link->fact = fact;
    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it misses va_start when it inlines */
    (void)vsnprintf(link->text, sizeof(link->text), fmt, args);
    va_end(args);
    maker->chain->count++;
}

static bool has(const struct story_event *event)
{
    return event->fact.pos != 0;
}

static void add_fact(struct maker *maker, const struct story_fact *fact)
{
    add(maker, fact, "%s%s%s", fact->type, fact->details[0] != '\0' ? ": " : "", fact->details);
}

/* The end of a chain: somebody asked for it. False when no command is known. */
static bool add_command(struct maker *maker, const struct story_event *event)
{
    const struct story_fact *command = &event->command;

    if (command->pos == 0)
        return false;
    add(maker, command, "%s by %s", command->type,
        command->actor[0] != '\0' ? command->actor : "somebody");
    return true;
}

static void add_event(struct maker *maker, enum story_part part)
{
    const struct story_event *event = story_part(maker->story, part);

    if (!has(event))
        return;
    add_fact(maker, &event->fact);
    (void)add_command(maker, event);
}

/* "died with 137 (run 3), out of memory" */
static void add_died(struct maker *maker, const struct story_fact *fact)
{
    add(maker, fact, "died: %s (run %u)", fact->details, fact->run);
}

/* Whether the exit is what the latest signal does. */
static bool was_signalled(const struct story *story)
{
    return has(story_part(story, STORY_SIGNALLED)) && !story->died.is_unknown &&
           story->died.exit_code == SIGNAL_EXIT_BASE + (int32_t)story->signal;
}

static const char *why_by_itself(const struct container_died *died)
{
    if (died->is_unknown)
        return "its monitor was gone, or the host was restarted: nobody can know the exit code";
    if (died->oom_killed)
        return "by the kernel: its memory had run out";
    return "by itself: nobody had asked for it";
}

static void add_end(struct maker *maker)
{
    const struct story *story = maker->story;
    const struct story_event *died = story_part(story, STORY_DIED);

    if (!has(died))
        return;
    add_died(maker, &died->fact);
    if (has(story_part(story, STORY_STOPPING)))
        add_event(maker, STORY_STOPPING);
    else if (was_signalled(story))
        add_event(maker, STORY_SIGNALLED);
    else if (!add_command(maker, died))
        add(maker, NULL, "%s", why_by_itself(&story->died));
}

static void add_removal(struct maker *maker)
{
    const struct story_event *removing = story_part(maker->story, STORY_REMOVING);
    const struct story_event *removed = story_part(maker->story, STORY_REMOVED);

    if (has(removed))
        add_fact(maker, &removed->fact);
    if (has(removing))
        add_fact(maker, &removing->fact);
    if (add_command(maker, removing) || add_command(maker, removed))
        return;
    if (maker->story->is_auto_removed)
        add(maker, NULL, "by itself after its end: it was created with --rm");
}

/* The latest failure of a container.create: of one that never came to be. */
static void add_creation(struct maker *maker)
{
    const struct story *story = maker->story;
    const struct story_event *trouble = NULL;

    for (size_t i = 0; story_trouble(story, i) != NULL; i++)
        trouble = story_trouble(story, i);
    if (trouble != NULL)
        add_fact(maker, &trouble->fact);
    if (story->creation.pos != 0)
        add(maker, &story->creation, "%s by %s", story->creation.type, story->creation.actor);
}

static void add_restart_to_come(struct maker *maker)
{
    const struct story_event *restarting = story_part(maker->story, STORY_RESTARTING);

    if (has(restarting))
        add(maker, &restarting->fact, "its restart policy %s will start it again: %s",
            maker->story->policy, restarting->fact.details);
}

static bool is_gone(const struct story *story)
{
    return has(story_part(story, STORY_LOST)) || has(story_part(story, STORY_REMOVED)) ||
           story->state == CONTAINER_REMOVING;
}

static void add_configured(struct maker *maker)
{
    if (has(story_part(maker->story, STORY_INIT_FAILED)))
        add_event(maker, STORY_INIT_FAILED);
    else
        add_event(maker, STORY_CLEANED);
}

static void add_lost(struct maker *maker, const struct story_fact *lost)
{
    if (strcmp(lost->type, host_hello_schema.name) == 0) /* of a log that does not say it itself */
        add(maker, lost, "host.hello: the worker came back without its journal");
    else
        add(maker, lost, "%s by %s: %s", lost->type, lost->actor, lost->details);
}

static void add_state(struct maker *maker)
{
    const struct story *story = maker->story;

    maker->section = CHAIN_STATE;
    if (has(story_part(story, STORY_LOST))) {
        add_lost(maker, &story_part(story, STORY_LOST)->fact);
        return;
    }
    if (is_gone(story)) {
        add_removal(maker);
        return;
    }
    switch (story->state) {
    case CONTAINER_UNKNOWN:
        add_creation(maker);
        break;
    case CONTAINER_CONFIGURED:
        add_configured(maker);
        break;
    case CONTAINER_CREATED:
        add_event(maker, STORY_INITIALIZED);
        break;
    case CONTAINER_RUNNING:
    case CONTAINER_PAUSED:
        add_event(maker, STORY_PAUSED);
        break;
    case CONTAINER_STOPPING:
        add_event(maker, STORY_STOPPING);
        break;
    case CONTAINER_STOPPED:
    case CONTAINER_EXITED:
        add_restart_to_come(maker);
        add_event(maker, STORY_INIT_FAILED);
        add_end(maker);
        break;
    case CONTAINER_REMOVING:
    case CONTAINER_STATE_COUNT:
        break;
    }
}

/* Back from a run of the restart policy to the user's start that it keeps up. */
static void add_policy(struct maker *maker)
{
    const struct story *story = maker->story;
    const struct story_fact *restarting = &story->restarting.fact;

    add(maker, restarting, "its restart policy %s: %s", story->policy, restarting->details);
    if (has(&story->last_died))
        add_died(maker, &story->last_died.fact);
    if (!has(&story->first_start))
        return;
    add(maker, &story->first_start.fact, "%s (run %u)", story->first_start.fact.type,
        story->first_start.fact.run);
    (void)add_command(maker, &story->first_start);
}

static void add_run(struct maker *maker)
{
    const struct story *story = maker->story;
    const struct story_event *started = story_part(story, STORY_STARTED);
    const struct story_event *initialized = story_part(story, STORY_INITIALIZED);
    bool has_run = has(started) || (has(initialized) && has(story_part(story, STORY_DIED)));
    const struct story_event *start = has(started) ? started : initialized;
    bool is_policys = has(&story->restarting);

    maker->section = CHAIN_RUN;
    if (!has_run)
        return;
    add(maker, &start->fact, "%s (run %u)", start->fact.type, start->fact.run);
    if (!add_command(maker, start) && !add_command(maker, initialized) && is_policys)
        add_policy(maker);
}

/* "5 minutes" */
static void write_age(uint64_t since, uint64_t now_ns, char ret[static UNITS_DURATION_SIZE])
{
    units_write_duration(now_ns > since ? now_ns - since : 0, ret);
    if (ret[0] >= 'A' && ret[0] <= 'Z')
        ret[0] = (char)(ret[0] - 'A' + 'a');
}

static void write_state(const struct story *story, const char *age, char *ret, size_t size)
{
    const char *name = container_state_name(story->state);

    if (has(story_part(story, STORY_LOST)))
        (void)snprintf(ret, size, "was lost %s ago", age);
    else if (has(story_part(story, STORY_REMOVED)))
        (void)snprintf(ret, size, "was removed %s ago", age);
    else if (story->state == CONTAINER_UNKNOWN)
        (void)snprintf(ret, size, "%s",
                       story->trouble_count > 0 ? "never came to be" : "is being created");
    else if (story->state == CONTAINER_CONFIGURED)
        (void)snprintf(ret, size, "is created, and does not run");
    else if (story->state == CONTAINER_CREATED)
        (void)snprintf(ret, size, "has been ready to start for %s (run %u)", age, story->run);
    else if (story->state != CONTAINER_STOPPED && story->state != CONTAINER_EXITED)
        (void)snprintf(ret, size, "has been %s for %s (run %u)", name, age, story->run);
    else if (story->died.is_unknown)
        (void)snprintf(ret, size, "%s %s ago, with what exit code is not known (run %u)", name, age,
                       story->run);
    else
        (void)snprintf(ret, size, "%s %s ago with exit code %d%s (run %u)", name, age,
                       story->died.exit_code, story->died.oom_killed ? ", out of memory" : "",
                       story->run);
}

static void write_summary(const struct story *story, uint64_t now_ns, struct chain *ret)
{
    const struct story_fact *died = &story_part(story, STORY_DIED)->fact;
    bool has_exited = story->state == CONTAINER_STOPPED || story->state == CONTAINER_EXITED;
    char age[UNITS_DURATION_SIZE];
    char state[256];

    write_age(has_exited && !is_gone(story) ? died->time : story->since, now_ns, age);
    write_state(story, age, state, sizeof(state));
    (void)snprintf(ret->summary, sizeof(ret->summary), "%s%s%.12s%s on host %s %s.", story->name,
                   story->name[0] != '\0' ? " (" : "", story->id, story->name[0] != '\0' ? ")" : "",
                   story->host, state);
}

void chain_make(const struct story *story, uint64_t now_ns, struct chain *ret)
{
    struct maker maker = { .story = story, .chain = ret };

    ret->count = 0;
    write_summary(story, now_ns, ret);
    add_state(&maker);
    maker.section = CHAIN_END;
    if (is_gone(story))
        add_end(&maker);
    add_run(&maker);
    maker.section = CHAIN_EXISTENCE;
    add_event(&maker, STORY_CREATED);
}

const char *chain_heading(const struct story *story, enum chain_section section)
{
    bool is_alive = story->state == CONTAINER_RUNNING || story->state == CONTAINER_PAUSED ||
                    story->state == CONTAINER_STOPPING;

    switch (section) {
    case CHAIN_END:
        return "Its latest run had ended because";
    case CHAIN_RUN:
        return is_alive && !is_gone(story) ? "It runs because" : "It ran because";
    case CHAIN_EXISTENCE:
        return is_gone(story) ? "It existed because" : "It exists because";
    case CHAIN_STATE:
        break;
    }
    return "It is so because";
}

void chain_trouble_text(const struct story_event *trouble, char ret[static CHAIN_TEXT_MAX])
{
    const struct story_fact *command = &trouble->command;
    bool has_failed = strcmp(trouble->fact.type, command_failed_schema.name) == 0;
    bool has_expired = strcmp(trouble->fact.type, command_expired_schema.name) == 0;
    const char *outcome = has_failed ? "failed" : has_expired ? "expired" : "was refused";
    const char *what = command->pos != 0 ? command->type : "a command";
    const char *who = command->pos != 0 ? command->actor : trouble->fact.actor;

    (void)snprintf(ret, CHAIN_TEXT_MAX, "%s by %s %s: %s", what, who, outcome,
                   trouble->fact.details);
}
