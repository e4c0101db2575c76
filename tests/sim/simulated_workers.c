/*
 * Many simulated workers in one process (sim_worker.h), for tests of scale:
 *
 *     simulated_workers DIRECTORY PREFIX COUNT URL...
 *
 * Worker i is the host PREFIX<i>, speaks to URL i modulo their number, and has its state in
 * DIRECTORY/PREFIX<i>: its journal, too, in the program simulated_workers_durable. All are away at
 * first. One command on each line of stdin:
 *
 *     join FROM TO           those workers dial the broker
 *     leave FROM TO          and leave it
 *     exits RATE             so many runs end by themselves in a second, all workers in turn
 *     fill FROM TO EVENTS    runs of those end until each journal is longer by EVENTS
 *     mark                   forget the delays of commands so far
 *     status
 *     await connected N | acked | commands N | greeted N | runs N
 *
 * Each command is answered on stdout by one line of JSON with the state of things; await's comes
 * when it is so. Commands wait for the answer to the one before. The end of stdin ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "common/auto.h"
#include "common/io/clock.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "tests/sim/sim_worker.h"

#define DELAYS_MAX  65536
#define JOBS_MAX    4096
#define TICK_MS     20
#define CHECK_MS    2
#define BURST       16    /* runs that end in one turn of a worker */
#define UNACKED_MAX 20000 /* events of a worker that has runs end by itself */
#define WORDS_MAX   5
#define FILES_MAX   (1 << 20) /* descriptors: an eventfd and a socket for each connection */

struct fleet {
    struct event_base *loop;
    struct jobpool *pool;
    struct sim_worker **workers;
    size_t count;
    struct sim_tally tally;
    struct evbuffer *input;
    struct event *readable;
    struct event *tick;  /* of the exits */
    struct event *check; /* of what is awaited */
    char awaited[16];    /* empty: nothing */
    uint64_t awaited_count;
    uint64_t exits_rate;
    uint64_t exits_owed; /* thousandths */
    uint64_t exits;
    uint64_t ticked_ms;
    size_t turn; /* whose runs end next */
};

static _Noreturn void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "simulated_workers: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

struct sums {
    uint64_t events;
    uint64_t acked;
    uint64_t runs;
};

static struct sums sum_up(const struct fleet *fleet)
{
    struct sums sums = { 0 };

    for (size_t i = 0; i < fleet->count; i++) {
        sums.events += sim_worker_events(fleet->workers[i]);
        sums.acked += sim_worker_acked(fleet->workers[i]);
        sums.runs += sim_worker_runs(fleet->workers[i]);
    }
    return sums;
}

static int compare_delays(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static void answer(const struct fleet *fleet)
{
    const struct sim_tally *tally = &fleet->tally;
    const struct sums sums = sum_up(fleet);
    size_t count = tally->commands < DELAYS_MAX ? tally->commands : DELAYS_MAX;
    uint32_t *delays = mem_dup(tally->delays_us, DELAYS_MAX * sizeof(*delays));

    qsort(delays, count, sizeof(*delays), compare_delays);
    printf("{\"now\": %.4f, \"connected\": %u, \"greeted\": %" PRIu64 ", \"fenced\": %u, "
           "\"commands\": %" PRIu64 ", \"events\": %" PRIu64 ", \"acked\": %" PRIu64
           ", \"runs\": %" PRIu64 ", \"exits\": %" PRIu64 ", \"p50_us\": %u, \"p99_us\": %u}\n",
           (double)clock_steady_ms() / 1e3, tally->connected, tally->greeted, tally->fenced,
           tally->commands, sums.events, sums.acked, sums.runs, fleet->exits,
           count > 0 ? delays[count / 2] : 0, count > 0 ? delays[count * 99 / 100] : 0);
    (void)fflush(stdout);
    free(delays);
}

/* --- commands */

struct range {
    size_t from;
    size_t to;
};

static struct range range_of(const struct fleet *fleet, char *const *words)
{
    struct range range = { (size_t)strtoull(words[1], NULL, 10),
                           (size_t)strtoull(words[2], NULL, 10) };

    if (range.to > fleet->count)
        range.to = fleet->count;
    return range;
}

static void join(struct fleet *fleet, char *const *words)
{
    const struct range range = range_of(fleet, words);
    struct error err = { 0 };

    for (size_t i = range.from; i < range.to; i++) {
        if (sim_worker_join(fleet->workers[i], &err) < 0)
            give_up("join", err.text);
    }
}

static void leave(struct fleet *fleet, char *const *words)
{
    const struct range range = range_of(fleet, words);

    for (size_t i = range.from; i < range.to; i++)
        sim_worker_leave(fleet->workers[i]);
}

static void fill(struct fleet *fleet, char *const *words)
{
    const struct range range = range_of(fleet, words);
    uint64_t events = strtoull(words[3], NULL, 10);

    for (size_t i = range.from; i < range.to; i++) {
        uint64_t wanted = sim_worker_events(fleet->workers[i]) + events;

        while (sim_worker_events(fleet->workers[i]) < wanted) {
            if (sim_worker_exits(fleet->workers[i], BURST) == 0)
                give_up("fill", "nothing runs that could end");
        }
    }
}

static void set_exits(struct fleet *fleet, char *const *words)
{
    static const struct timeval every = { .tv_usec = TICK_MS * 1000 };

    fleet->exits_rate = strtoull(words[1], NULL, 10);
    fleet->exits_owed = 0;
    fleet->ticked_ms = clock_steady_ms();
    if (fleet->exits_rate > 0)
        (void)event_add(fleet->tick, &every);
    else
        (void)event_del(fleet->tick);
}

static void mark(struct fleet *fleet, char *const *words)
{
    (void)words;
    fleet->tally.commands = 0;
}

static void status(struct fleet *fleet, char *const *words)
{
    (void)fleet;
    (void)words;
}

static const struct word {
    const char *name;
    unsigned words;
    void (*obey)(struct fleet *fleet, char *const *words);
} words_known[] = {
    { "join", 3, join }, { "leave", 3, leave },     { "fill", 4, fill },
    { "mark", 1, mark }, { "exits", 2, set_exits }, { "status", 1, status },
};

static bool holds(const struct fleet *fleet)
{
    const struct sums sums = sum_up(fleet);
    const char *what = fleet->awaited;

    if (strcmp(what, "connected") == 0)
        return fleet->tally.connected >= fleet->awaited_count;
    if (strcmp(what, "greeted") == 0)
        return fleet->tally.greeted >= fleet->awaited_count;
    if (strcmp(what, "commands") == 0)
        return fleet->tally.commands >= fleet->awaited_count;
    if (strcmp(what, "runs") == 0)
        return sums.runs >= fleet->awaited_count;
    return sums.acked == sums.events;
}

static void await(struct fleet *fleet, char *const *words, unsigned count)
{
    static const struct timeval every = { .tv_usec = CHECK_MS * 1000 };

    (void)snprintf(fleet->awaited, sizeof(fleet->awaited), "%s", words[1]);
    fleet->awaited_count = count > 2 ? strtoull(words[2], NULL, 10) : 0;
    (void)event_add(fleet->check, &every);
}

static void obey(struct fleet *fleet, char *line)
{
    char *words[WORDS_MAX] = { NULL }, *rest = NULL;
    unsigned count = 0;

    for (char *word = strtok_r(line, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (count >= 2 && strcmp(words[0], "await") == 0) {
        await(fleet, words, count);
        return;
    }
    for (size_t i = 0; i < sizeof(words_known) / sizeof(words_known[0]); i++) {
        if (count == words_known[i].words && strcmp(words[0], words_known[i].name) == 0) {
            words_known[i].obey(fleet, words);
            answer(fleet);
            return;
        }
    }
    give_up(count > 0 ? words[0] : "", "is no command");
}

static void obey_input(struct fleet *fleet)
{
    char *line;

    while (fleet->awaited[0] == '\0' &&
           (line = evbuffer_readln(fleet->input, NULL, EVBUFFER_EOL_LF)) != NULL) {
        obey(fleet, line);
        free(line);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct fleet *fleet = arg;
    int count = evbuffer_read(fleet->input, fd, -1);

    (void)what;
    if (count == 0) {
        (void)event_base_loopbreak(fleet->loop);
        return;
    }
    obey_input(fleet);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
    struct fleet *fleet = arg;

    (void)fd;
    (void)what;
    if (!holds(fleet))
        return;
    (void)event_del(fleet->check);
    fleet->awaited[0] = '\0';
    answer(fleet);
    obey_input(fleet);
}

static bool may_end_runs(const struct sim_worker *worker)
{
    return sim_worker_runs(worker) > 0 &&
           sim_worker_events(worker) - sim_worker_acked(worker) < UNACKED_MAX;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct fleet *fleet = arg;
    uint64_t now_ms = clock_steady_ms();

    (void)fd;
    (void)what;
    fleet->exits_owed += fleet->exits_rate * (now_ms - fleet->ticked_ms);
    fleet->ticked_ms = now_ms;
    for (size_t i = 0; i < fleet->count && fleet->exits_owed >= BURST * 1000; i++) {
        struct sim_worker *worker = fleet->workers[fleet->turn++ % fleet->count];

        if (!may_end_runs(worker))
            continue;
        fleet->exits += sim_worker_exits(worker, BURST);
        fleet->exits_owed -= BURST * 1000;
    }
    if (fleet->exits_owed > fleet->exits_rate * 1000)
        fleet->exits_owed = 0; /* what could not be had in a second is not owed any more */
}

static void make_workers(struct fleet *fleet, char **argv, size_t url_count)
{
    struct error err = { 0 };

    for (size_t i = 0; i < fleet->count; i++) {
        autofree char *host = mem_text("%s%zu", argv[2], i);
        autofree char *directory = mem_text("%s/%s", argv[1], host);
        const struct sim_options options = { .loop = fleet->loop,
                                             .url = argv[4 + i % url_count],
                                             .host = host,
                                             .directory = directory,
                                             .pool = fleet->pool,
                                             .tally = &fleet->tally };

        if (sim_worker_new(&options, &fleet->workers[i], &err) < 0)
            give_up(host, err.text);
    }
}

/* As far as this user may. */
static void raise_limits(void)
{
    const struct rlimit wanted = { .rlim_cur = FILES_MAX, .rlim_max = FILES_MAX };
    struct rlimit limit;

    if (setrlimit(RLIMIT_NOFILE, &wanted) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct fleet fleet = { .tally = { .delays_max = DELAYS_MAX } };

    if (argc < 5)
        give_up("usage", "simulated_workers DIRECTORY PREFIX COUNT URL...");
    raise_limits();
    log_set_level(LOG_LEVEL_WARNING);
    fleet.loop = event_base_new();
    fleet.count = (size_t)strtoull(argv[3], NULL, 10);
    fleet.workers = mem_zeroed((fleet.count + 1) * sizeof(struct sim_worker *));
    fleet.tally.delays_us = mem_zeroed(DELAYS_MAX * sizeof(uint32_t));
    fleet.input = evbuffer_new();
    fleet.readable = event_new(fleet.loop, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, &fleet);
    fleet.tick = event_new(fleet.loop, -1, EV_PERSIST, on_tick, &fleet);
    fleet.check = event_new(fleet.loop, -1, EV_PERSIST, on_check, &fleet);
    if (jobpool_new(fleet.loop, 1, JOBS_MAX, &fleet.pool, &err) < 0)
        give_up("pool", err.text);
    make_workers(&fleet, argv, (size_t)argc - 4);
    (void)event_add(fleet.readable, NULL);
    answer(&fleet);
    (void)event_base_dispatch(fleet.loop);
    _exit(EXIT_SUCCESS); /* nng would take its time to close so many sockets */
}
