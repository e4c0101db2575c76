/*
 * Authors of commands, each in a thread of its own with one command under way:
 *
 *     command_load URL AUTHORS RATE SEED PREFIX HOSTS CONTAINERS
 *
 * Every host PREFIX<i> gets CONTAINERS containers that restart by themselves, each of one author;
 * they are created and started at once, host by host, so that a host's commands and events travel
 * together; then they are stopped and started at random: at RATE commands a second in all, or 0: as
 * fast as answers come. What was asked is asked again until it is answered, whatever becomes of the
 * broker.
 *
 * One line of JSON on stdout when all are started; a last one after SIGTERM, when the last answers
 * are there: for each author its client number, how many commands were accepted, and a sum over
 * (client, sequence, position) of these, to hold the log against; and how long answers took.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/clock.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/commands.h"
#include "tests/sim/caller.h"
#include "tests/sim/digest.h"

#define SILENCE_MS 20000
#define DELAYS     4096 /* buckets of 0.25 ms */
#define DELAY_US   250

struct load {
    const char *url;
    const char *prefix;
    unsigned authors;
    unsigned rate;
    unsigned hosts;
    unsigned containers; /* of each host */
    uint64_t client;     /* of the first author */
    pthread_barrier_t started;
    atomic_bool is_ending;
};

struct author {
    struct load *load;
    pthread_t thread;
    unsigned number;
    unsigned random;
    struct caller *caller;
    uint64_t client;
    uint64_t sequence;
    uint64_t accepted;
    uint64_t refused;
    uint64_t again; /* answers that were for a command said before */
    uint64_t sum;
    uint64_t commands; /* since all are started */
    uint32_t delays[DELAYS];
};

static struct load load;

/* Container `number` of all, in order of the hosts. */
static void name_container(const struct author *author, unsigned number,
                           char ret[static CONTAINER_ID_SIZE + 1])
{
    (void)snprintf(ret, CONTAINER_ID_SIZE + 1, "%016" PRIx64 "%032x%016x", author->load->client, 0,
                   number);
}

/* True when there is an answer that will not change. */
static bool take_answer(struct author *author, const struct frame *frame, struct arena *arena)
{
    struct submitted submitted = { 0 };
    struct bus_error error = { 0 };

    if (strcmp(frame->type, bus_error_schema.name) == 0) {
        caller_decode(frame, &bus_error_schema, &error, arena);
        if (strcmp(error.code, "busy") != 0)
            caller_give_up("submit", error.text);
        caller_pause(error.retry_ms > 0 ? error.retry_ms : 10);
        return false;
    }
    caller_decode(frame, &submitted_schema, &submitted, arena);
    if (submitted.code != NULL && strcmp(submitted.code, "busy") == 0)
        return false;
    author->again += submitted.is_duplicate ? 1 : 0;
    if (submitted.code != NULL) {
        author->refused++;
        return true;
    }
    author->accepted++;
    author->sum += command_digest(author->client, author->sequence, submitted.pos);
    return true;
}

static void say(struct author *author, const char *type, unsigned number, const struct buffer *body)
{
    char container[CONTAINER_ID_SIZE + 1];
    autofree char *host = mem_text("%s%u", author->load->prefix, number / author->load->containers);
    autofree char *kind = mem_dup_text(type);
    struct record record = {
        .kind = RECORD_COMMAND,
        .type = kind,
        .host = host,
        .container = container,
        .id = command_id_make(author->client, ++author->sequence),
        .happened = clock_wall_ns(),
    };
    struct buffer bytes = { 0 };
    struct submit submit = { 0 };
    uint64_t bucket;
    bool is_answered = false;

    name_container(author, number, container);
    if (body != NULL)
        record.body.bytes = buffer_bytes(body);
    schema_encode(&record_schema, &record, &bytes);
    submit.record.bytes = buffer_bytes(&bytes);
    while (!is_answered) {
        autoarena arena = { 0 };
        struct frame frame;

        caller_ask(author->caller, &submit_schema, &submit, SILENCE_MS, &frame, &arena);
        is_answered = take_answer(author, &frame, &arena);
    }
    bucket = (clock_wall_ns() - record.happened) / (DELAY_US * 1000);
    author->delays[bucket < DELAYS ? bucket : DELAYS - 1]++;
    buffer_done(&bytes);
}

static void create(struct author *author, unsigned number)
{
    static char rootfs[] = "/var/lib/gantry/rootfs/debian", network[] = "none", always[] = "always";
    static char shell[] = "/bin/sh", flag[] = "-c", line[] = "exec /usr/bin/service --flag";
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *words[] = { shell, flag, line }, *settings[] = { path };
    autofree char *name = mem_text("service%u", number);
    struct container_config config = {
        .name = name,
        .rootfs = rootfs,
        .network = network,
        .command = { .items = words, .count = 3 },
        .env = { .items = settings, .count = 1 },
        .restart_policy = always,
    };
    const struct container_create create_body = { .config = &config };
    struct buffer body = { 0 };

    schema_encode(&container_create_schema, &create_body, &body);
    say(author, "container.create", number, &body);
    buffer_done(&body);
    say(author, "container.start", number, NULL);
}

/* One of the author's containers. */
static unsigned choose(struct author *author)
{
    unsigned all = author->load->hosts * author->load->containers;
    unsigned own = all / author->load->authors;
    unsigned chosen = (unsigned)rand_r(&author->random) % (own > 0 ? own : 1);

    return (chosen * author->load->authors + author->number) % all;
}

static void *run(void *arg)
{
    struct author *author = arg;
    struct load *all = author->load;
    uint64_t next_ns;
    uint64_t step_ns = all->rate == 0 ? 0 : 1000000000ULL * all->authors / all->rate;

    author->caller = caller_new(all->url);
    for (unsigned i = author->number; i < all->hosts * all->containers && !all->is_ending;
         i += all->authors)
        create(author, i);
    (void)pthread_barrier_wait(&all->started);
    (void)pthread_barrier_wait(&all->started); /* until the main thread has said so */
    memset(author->delays, 0, sizeof(author->delays));
    next_ns = clock_wall_ns() + step_ns * author->number / all->authors;
    while (!all->is_ending) {
        uint64_t now_ns = clock_wall_ns();

        if (next_ns > now_ns)
            caller_pause((unsigned)((next_ns - now_ns) / 1000000));
        next_ns = next_ns + step_ns > now_ns ? next_ns + step_ns : now_ns;
        say(author, rand_r(&author->random) % 2 == 0 ? "container.stop" : "container.start",
            choose(author), NULL);
        author->commands++;
    }
    caller_destroy(author->caller);
    return NULL;
}

static double percentile(const struct author *authors, double part)
{
    uint64_t all = 0, seen = 0;

    for (unsigned i = 0; i < load.authors; i++)
        all += authors[i].commands;
    for (unsigned bucket = 0; bucket < DELAYS; bucket++) {
        for (unsigned i = 0; i < load.authors; i++)
            seen += authors[i].delays[bucket];
        if ((double)seen >= part * (double)all)
            return (bucket + 1) * DELAY_US / 1e3;
    }
    return DELAYS * DELAY_US / 1e3;
}

static void show(const struct author *authors, double seconds)
{
    uint64_t commands = 0, refused = 0, again = 0;

    for (unsigned i = 0; i < load.authors; i++) {
        commands += authors[i].commands;
        refused += authors[i].refused;
        again += authors[i].again;
    }
    printf("{\"commands\": %" PRIu64 ", \"seconds\": %.3f, \"refused\": %" PRIu64
           ", \"again\": %" PRIu64 ", \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"authors\": [",
           commands, seconds, refused, again, percentile(authors, 0.5), percentile(authors, 0.99));
    for (unsigned i = 0; i < load.authors; i++)
        printf("%s[%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", i == 0 ? "" : ", ", authors[i].client,
               authors[i].accepted, authors[i].sum);
    printf("]}\n");
    (void)fflush(stdout);
}

static void work(struct author *authors, const sigset_t *term)
{
    uint64_t began;
    int signal_number;

    for (unsigned i = 0; i < load.authors; i++)
        (void)pthread_create(&authors[i].thread, NULL, run, &authors[i]);
    (void)pthread_barrier_wait(&load.started);
    printf("{\"started\": %u}\n", load.hosts * load.containers);
    (void)fflush(stdout);
    (void)pthread_barrier_wait(&load.started);
    began = clock_steady_ms();
    (void)sigwait(term, &signal_number);
    load.is_ending = true;
    for (unsigned i = 0; i < load.authors; i++)
        (void)pthread_join(authors[i].thread, NULL);
    show(authors, (double)(clock_steady_ms() - began) / 1e3);
}

int main(int argc, char **argv)
{
    struct author *authors;
    sigset_t term;

    if (argc != 8)
        caller_give_up("usage", "command_load URL AUTHORS RATE SEED PREFIX HOSTS CONTAINERS");
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &term, NULL);
    caller_end_with_parent();
    load.url = argv[1];
    load.authors = (unsigned)atoi(argv[2]);
    load.rate = (unsigned)atoi(argv[3]);
    load.prefix = argv[5];
    load.hosts = (unsigned)atoi(argv[6]);
    load.containers = (unsigned)atoi(argv[7]);
    /* Of several programs that start in the same moment each has its own. */
    if (getrandom(&load.client, sizeof(load.client), 0) != (ssize_t)sizeof(load.client))
        caller_give_up("getrandom", strerror(errno));
    load.client &= ~UINT64_C(0xFFFFF);
    (void)pthread_barrier_init(&load.started, NULL, load.authors + 1);
    authors = mem_zeroed(load.authors * sizeof(*authors));
    for (unsigned i = 0; i < load.authors; i++) {
        authors[i].load = &load;
        authors[i].number = i;
        authors[i].client = load.client + i;
        authors[i].random = (unsigned)atoi(argv[4]) * 7919 + i;
    }
    work(authors, &term);
    free(authors);
    return EXIT_SUCCESS;
}
