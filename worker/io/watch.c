/* The death watch; see the header. */
#include "worker/io/watch.h"

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/layout.h"

/* conmon writes the exit file before it ends; one that is slow to show is given this long. */
#define EXIT_FILE_MS 1000
/* From init's death to conmon's: it drains the output and writes the log. */
#define CONMON_GRACE_MS 60000

struct watch {
    struct run_watches *watches;
    char name[RUN_NAME_SIZE];
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run;
    struct process conmon;
    struct process init;
    struct event *conmon_gone;
    struct event *init_gone;
    struct event *timer; /* what it means depends on who is gone */
    bool is_told;        /* the exit file was seen; it may be gone again */
    bool is_lost;        /* init was killed and its end is awaited */
    watch_ended_fn *ended;
    void *ended_owner;
    UT_hash_handle hh;
};

struct run_watches {
    struct event_base *loop;
    struct watch_events events;
    void *owner;
    struct watch *by_name;
};

struct run_watches *run_watches_new(struct event_base *loop, const struct watch_events *events,
                                    void *owner)
{
    struct run_watches *watches = mem_new(struct run_watches);

    watches->loop = loop;
    watches->events = *events;
    watches->owner = owner;
    return watches;
}

static void free_event(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
}

static void stop_watching(struct watch *watch)
{
    free_event(&watch->conmon_gone);
    free_event(&watch->init_gone);
    free_event(&watch->timer);
    process_done(&watch->conmon);
    process_done(&watch->init);
}

/* The watch is over; whoever waits for it hears so. */
static void end_watch(struct watch *watch)
{
    watch_ended_fn *ended = watch->ended;
    void *owner = watch->ended_owner;

    HASH_DEL(watch->watches->by_name, watch);
    stop_watching(watch);
    free(watch);
    if (ended != NULL)
        ended(owner);
}

void run_watches_destroy(struct run_watches *watches)
{
    struct watch *watch;
    struct watch *next;

    if (watches == NULL)
        return;
    HASH_ITER(hh, watches->by_name, watch, next)
    {
        watch->ended = NULL;
        end_watch(watch);
    }
    free(watches);
}

static void set_timer(struct watch *watch, unsigned ms)
{
    struct timeval delay = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

    (void)event_add(watch->timer, &delay);
}

static void tell_lost(struct watch *watch)
{
    struct run_watches *watches = watch->watches;
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run = watch->run;

    memcpy(id, watch->id, sizeof(id));
    log_warning("conmon.lost", "container=%s run=%" PRIu32, id, run);
    end_watch(watch);
    watches->events.on_lost(watches->owner, id, run);
}

/* No exit file: the code is lost. Without conmon nobody reads init's output either. */
static void give_up(struct watch *watch)
{
    watch->is_lost = true;
    if (process_is_gone(&watch->init)) {
        tell_lost(watch);
        return;
    }
    (void)process_signal(&watch->init, SIGKILL, NULL);
    watch->watches->events.thaw(watch->watches->owner, watch->id);
}

static bool has_exit(struct watch *watch)
{
    return watch->is_told ||
           watch->watches->events.has_exit(watch->watches->owner, watch->id, watch->run);
}

static void handle_conmon_gone(struct watch *watch)
{
    process_done(&watch->conmon);
    if (has_exit(watch))
        end_watch(watch);
    else
        set_timer(watch, EXIT_FILE_MS);
}

static void handle_init_gone(struct watch *watch)
{
    process_done(&watch->init);
    if (watch->is_lost)
        tell_lost(watch);
    else if (watch->ended == NULL && watch->conmon.fd >= 0)
        set_timer(watch, CONMON_GRACE_MS);
}

/* conmon lives: it has had its time. It is dead: the exit file has had its. */
static void handle_timer(struct watch *watch)
{
    if (watch->conmon.fd >= 0) {
        log_warning("conmon.stuck", "container=%s run=%" PRIu32, watch->id, watch->run);
        (void)process_signal(&watch->conmon, SIGKILL, NULL);
    } else if (has_exit(watch)) {
        end_watch(watch);
    } else {
        give_up(watch);
    }
}

static void on_conmon_gone(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    handle_conmon_gone(arg);
}

static void on_init_gone(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    handle_init_gone(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    handle_timer(arg);
}

static struct event *watch_process(struct watch *watch, const struct process *process,
                                   event_callback_fn callback)
{
    struct event *event;

    if (process->fd < 0)
        return NULL;
    event = event_new(watch->watches->loop, process->fd, EV_READ, callback, watch);
    if (event == NULL)
        abort();
    (void)event_add(event, NULL);
    return event;
}

static struct watch *find_watch(struct run_watches *watches, const char *id, uint32_t run)
{
    char name[RUN_NAME_SIZE];
    struct watch *watch;

    run_name_write(id, run, name);
    HASH_FIND_STR(watches->by_name, name, watch);
    return watch;
}

static struct watch *add_watch(struct run_watches *watches, const char *id, uint32_t run)
{
    struct watch *watch = mem_new(struct watch);

    watch->watches = watches;
    watch->run = run;
    memcpy(watch->id, id, sizeof(watch->id));
    run_name_write(id, run, watch->name);
    HASH_ADD_STR(watches->by_name, name, watch);
    return watch;
}

void run_watches_add(struct run_watches *watches, const char *id, uint32_t run,
                     struct process *conmon, struct process *init)
{
    struct watch *watch = find_watch(watches, id, run);

    if (watch == NULL)
        watch = add_watch(watches, id, run);
    else
        stop_watching(watch);
    watch->is_told = false;
    watch->conmon = process_steal(conmon);
    watch->init = process_steal(init);
    watch->conmon_gone = watch_process(watch, &watch->conmon, on_conmon_gone);
    watch->init_gone = watch_process(watch, &watch->init, on_init_gone);
    watch->timer = evtimer_new(watches->loop, on_timer, watch);
    if (watch->timer == NULL)
        abort();
    if (watch->conmon.fd < 0)
        set_timer(watch, EXIT_FILE_MS);
}

void run_watches_set_told(struct run_watches *watches, const char *id, uint32_t run)
{
    struct watch *watch = find_watch(watches, id, run);

    if (watch != NULL)
        watch->is_told = true;
}

bool run_watches_wait(struct run_watches *watches, const char *id, uint32_t run,
                      unsigned timeout_ms, watch_ended_fn *ended, void *owner)
{
    struct watch *watch = find_watch(watches, id, run);

    if (watch == NULL)
        return false;
    assert(watch->ended == NULL);
    watch->ended = ended;
    watch->ended_owner = owner;
    if (watch->conmon.fd >= 0)
        set_timer(watch, timeout_ms);
    return true;
}
