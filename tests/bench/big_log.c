/*
 * big_log DIRECTORY RECORDS HOSTS CONTAINERS: a broker's log of so many records, without a view.
 *
 * Each host says hello and creates its share of the containers; then they are started and end, in
 * turns, each time by a command: six records. `gantry-broker --state DIRECTORY --rebuild` folds it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/borrowed.h"
#include "broker/io/log.h"
#include "broker/view_store.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/events.h"

#define AT_ONCE  20000 /* records in a transaction */
#define CLIENT   7
#define START_NS 1700000000000000000ULL
#define STEP_NS  1000000 /* between two records */

struct work {
    struct log *log;
    struct log_txn *txn;
    uint64_t written, wanted;
    unsigned hosts, containers;
    uint64_t *journals; /* of each host: its last number */
    uint32_t *runs;     /* of each container */
    uint64_t sequence;
};

static void give_up(const struct error *err)
{
    (void)fprintf(stderr, "big_log: %s\n", err->text);
    exit(EXIT_FAILURE);
}

static void append(struct work *work, struct record *record, const struct schema *schema,
                   const void *body)
{
    struct buffer bytes = { 0 };
    struct error err = { 0 };
    int r = 0;

    if (body != NULL)
        schema_encode(schema, body, &bytes);
    record->body.bytes = buffer_bytes(&bytes);
    record->time = START_NS + work->written * STEP_NS;
    record->happened = record->time;
    if (work->txn == NULL)
        r = log_begin(work->log, LOG_WRITE, &work->txn, &err);
    if (r == 0)
        r = log_append(work->txn, record, &err);
    if (r == 0 && ++work->written % AT_ONCE == 0)
        r = log_commit(steal_ptr(work->txn), &err);
    if (r < 0)
        give_up(&err);
    buffer_done(&bytes);
}

static void say(struct work *work, unsigned container, const char *type, struct command_id cause,
                const struct schema *schema, const void *body)
{
    unsigned number = container % work->hosts;
    autofree char *host = mem_text("host%03u", number);
    autofree char *stream = mem_text("evt/%s", host);
    autofree char *actor = mem_text("gantry://worker/%s", host);
    autofree char *id = mem_text("%064x", container * 2654435761U);
    struct record record = { .kind = RECORD_EVENT,
                             .type = borrowed(type),
                             .stream = stream,
                             .host = host,
                             .container = id,
                             .actor = actor,
                             .cause = cause,
                             .run = work->runs[container],
                             .incarnation = 1,
                             .journal_seq = ++work->journals[number] };

    append(work, &record, schema, body);
}

static struct command_id ask(struct work *work, unsigned container, const char *type,
                             const struct schema *schema, const void *body)
{
    autofree char *host = mem_text("host%03u", container % work->hosts);
    autofree char *stream = mem_text("cmd/%s", host);
    autofree char *id = mem_text("%064x", container * 2654435761U);
    struct record record = { .kind = RECORD_COMMAND,
                             .type = borrowed(type),
                             .stream = stream,
                             .host = host,
                             .container = id,
                             .actor = borrowed("unix:0"),
                             .id = command_id_make(CLIENT, ++work->sequence) };

    append(work, &record, schema, body);
    return record.id;
}

static void hello(struct work *work, unsigned number)
{
    autofree char *host = mem_text("host%03u", number);
    struct host_facts facts = { .version = borrowed("0.1.0"),
                                .kernel = borrowed("6.1.0-18-amd64"),
                                .arch = borrowed("x86_64"),
                                .cgroups = borrowed("v2") };
    const struct host_hello body = { .incarnation = 1,
                                     .journal = command_id_make(number + 1, 1),
                                     .facts = &facts };
    struct record record = { .kind = RECORD_EVENT,
                             .type = borrowed("host.hello"),
                             .stream = borrowed("sys"),
                             .host = host,
                             .actor = borrowed("broker") };

    append(work, &record, &host_hello_schema, &body);
}

static void create(struct work *work, unsigned container)
{
    autofree char *name = mem_text("c%u", container);
    char *words[] = { borrowed("/bin/sh"), borrowed("-c"), borrowed("exec /usr/bin/service") };
    char *env[] = { borrowed("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), borrowed("LANG=C.UTF-8") };
    struct container_config config = { .name = name,
                                       .rootfs = borrowed("/var/lib/gantry/rootfs/debian"),
                                       .network = borrowed("none"),
                                       .command = { .items = words, .count = 3 },
                                       .env = { .items = env, .count = 2 } };
    const struct container_create body = { .config = &config };
    const struct container_created created = { .config = &config };
    const struct command_done done = { 0 };
    struct command_id id =
        ask(work, container, "container.create", &container_create_schema, &body);

    say(work, container, "container.created", id, &container_created_schema, &created);
    say(work, container, "command.done", id, &command_done_schema, &done);
}

static void live(struct work *work, unsigned container)
{
    struct command_id id = ask(work, container, "container.start", NULL, NULL);
    const struct command_id nobody = { 0 };
    uint32_t run = ++work->runs[container];
    const struct container_initialized initialized = { .pid = 1000 + run,
                                                       .conmon_pid = 999 + run,
                                                       .runtime = borrowed("crun") };
    const struct command_done done = { .run = run };
    const struct container_died died = { .exit_code = (int32_t)(run % 2) };

    say(work, container, "container.initialized", id, &container_initialized_schema, &initialized);
    say(work, container, "container.started", id, NULL, NULL);
    say(work, container, "command.done", id, &command_done_schema, &done);
    say(work, container, "container.died", nobody, &container_died_schema, &died);
    say(work, container, "container.cleaned", nobody, NULL, NULL);
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct work work = { 0 };

    if (argc != 5)
        return 2;
    work.wanted = strtoull(argv[2], NULL, 10);
    work.hosts = (unsigned)atoi(argv[3]);
    work.containers = (unsigned)atoi(argv[4]);
    work.journals = mem_zeroed(work.hosts * sizeof(*work.journals));
    work.runs = mem_zeroed(work.containers * sizeof(*work.runs));
    if (view_store_open_log(argv[1], &work.log, &err) < 0)
        give_up(&err);
    for (unsigned i = 0; i < work.hosts; i++)
        hello(&work, i);
    for (unsigned i = 0; i < work.containers; i++)
        create(&work, i);
    for (unsigned i = 0; work.written < work.wanted; i++)
        live(&work, (i * 7919U) % work.containers);
    if (work.txn != NULL && log_commit(steal_ptr(work.txn), &err) < 0)
        give_up(&err);
    printf("%" PRIu64 " records\n", work.written);
    log_close(work.log);
    free(work.journals);
    free(work.runs);
    return EXIT_SUCCESS;
}
