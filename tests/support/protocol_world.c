/* The delivery protocol in a world of one thread; see the header. */
#include "tests/support/protocol_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/core/admission.h"
#include "common/fleet/memory_view.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "tests/support/protocol_worker.h"

#define HOST        PROTOCOL_HOST
#define NOW_NS      1700000000000000000ULL
#define RECORDS_MAX 64
#define QUEUE_MAX   8

enum entry_kind { ENTRY_SUBMIT, ENTRY_REPORT, ENTRY_HELLO };

/* What waits for the broker's next commit. */
struct entry {
    enum entry_kind kind;
    uint32_t command;     /* of a submit */
    uint64_t incarnation; /* of the others */
    uint64_t after, upto; /* of a report: journal_seq */
};

struct client {
    struct buffer command; /* its record */
    bool is_answered;
    bool is_refused;    /* and so answered */
    uint64_t pos;       /* of the answer */
    uint32_t under_way; /* copies of the submission */
};

struct protocol_world {
    enum protocol_mutant mutant;
    unsigned faults_left;
    char broken[200]; /* which promise; empty: none yet */
    struct client clients[PROTOCOL_COMMANDS];
    struct entry queue[QUEUE_MAX];
    size_t queued;
    struct buffer log[RECORDS_MAX]; /* durable: the record at position n + 1 */
    size_t head;
    struct memory_view *view;
    struct protocol_worker *worker;
    bool is_greeted;       /* the broker has the worker's present hello */
    bool is_reporting;     /* a report is under way */
    struct entry reported; /* the last one */
};

static void break_promise(struct protocol_world *world, const char *fmt, ...)
{
    va_list args;

    if (world->broken[0] != '\0')
        return;
    va_start(args, fmt);
    (void)vsnprintf(world->broken, sizeof(world->broken), fmt, args);
    va_end(args);
}

static const struct view *view_of(const struct protocol_world *world)
{
    return memory_view_view(world->view);
}

static struct record decode(struct bytes bytes, struct arena *arena)
{
    struct record record;

    if (schema_decode(&record_schema, bytes, &record, arena, NULL) < 0)
        abort();
    return record;
}

/* Into the log and the view: durable at once, as the transaction is all that this is part of. */
static uint64_t append(struct protocol_world *world, struct record record)
{
    struct error err = { 0 };

    if (world->head == RECORDS_MAX) {
        break_promise(world, "the log does not end");
        return 0;
    }
    record.pos = ++world->head;
    record.time = NOW_NS;
    schema_encode(&record_schema, &record, &world->log[world->head - 1]);
    if (fleet_apply(view_of(world), &record, &err) < 0)
        break_promise(world, "the view cannot follow %s at %llu: %s", record.type,
                      (unsigned long long)record.pos, err.text);
    return record.pos;
}

static struct buffer encode_body(const struct schema *schema, const void *body)
{
    struct buffer bytes = { 0 };

    schema_encode(schema, body, &bytes);
    return bytes;
}

static void append_hello(struct protocol_world *world, uint64_t incarnation)
{
    static char version[] = "1", host[] = HOST, type[] = "host.hello", stream[] = "sys";
    struct host_facts facts = { .version = version };
    const struct host_hello hello = { .incarnation = incarnation,
                                      .journal = command_id_make(9, 9),
                                      .facts = &facts };
    struct buffer body = encode_body(&host_hello_schema, &hello);

    (void)append(world, (struct record){ .kind = RECORD_EVENT,
                                         .type = type,
                                         .stream = stream,
                                         .host = host,
                                         .body.bytes = buffer_bytes(&body) });
    buffer_done(&body);
}

static void append_refusal(struct protocol_world *world, const struct record *command,
                           const struct refusal *refusal)
{
    static char type[] = "command.refused", stream[] = "sys", text[] = "refused";
    const struct command_failed why = { .code = text, .text = text };
    struct buffer body = encode_body(&command_refused_schema, &why);

    (void)refusal;
    (void)append(world, (struct record){ .kind = RECORD_EVENT,
                                         .type = type,
                                         .stream = stream,
                                         .host = command->host,
                                         .container = command->container,
                                         .cause = command->id,
                                         .body.bytes = buffer_bytes(&body) });
    buffer_done(&body);
}

static void commit_submit(struct protocol_world *world, const struct entry *entry, bool is_heard)
{
    const struct admission_context context = { .now_ns = NOW_NS, .role = ROLE_ADMIN };
    struct client *client = &world->clients[entry->command];
    autoarena arena = { 0 };
    struct record command = decode(buffer_bytes(&client->command), &arena);
    struct admission admission;
    uint64_t pos;

    if (admission_check(view_of(world), &command, &context, &admission, NULL) < 0)
        abort();
    if (world->mutant == PROTOCOL_FORGETS && admission.result == ADMISSION_DUPLICATE)
        admission = (struct admission){ .result = ADMISSION_ACCEPT };
    pos = admission.pos;
    if (admission.result == ADMISSION_ACCEPT)
        pos = append(world, command);
    else if (admission.result == ADMISSION_REFUSE && admission.is_recorded)
        append_refusal(world, &command, &admission.refusal);
    if (!is_heard)
        return;
    if (client->is_answered && !client->is_refused && client->pos != pos)
        break_promise(world, "command %u is at %llu, and was at %llu", entry->command,
                      (unsigned long long)pos, (unsigned long long)client->pos);
    client->is_answered = true;
    client->is_refused = admission.refusal.failure != FAILURE_NONE;
    client->pos = pos;
}

/* As broker/report.c does it: the next number, and no other. */
static void commit_report(struct protocol_world *world, const struct entry *entry, bool is_heard)
{
    static char stream[] = "evt/" HOST;
    autoarena arena = { 0 };
    struct host_row row;
    uint64_t upto;

    if (view_host(view_of(world), HOST, &row, &arena, NULL) < 0)
        abort();
    if (row.incarnation != entry->incarnation)
        return; /* fenced */
    upto = row.journal_seq;
    for (uint64_t seq = entry->after + 1; seq <= entry->upto && seq <= upto + 1; seq++) {
        struct record event;

        if (seq <= upto)
            continue;
        event = decode(protocol_worker_event(world->worker, seq), &arena);
        event.stream = stream;
        event.incarnation = entry->incarnation;
        (void)append(world, event);
        upto = seq;
    }
    if (is_heard)
        protocol_worker_acked(world->worker, upto);
}

static void commit(struct protocol_world *world, bool is_heard)
{
    size_t count = world->queued;

    world->queued = 0;
    for (size_t i = 0; i < count; i++) {
        const struct entry entry = world->queue[i];

        if (entry.kind == ENTRY_SUBMIT) {
            commit_submit(world, &entry, is_heard);
        } else if (entry.kind == ENTRY_REPORT) {
            commit_report(world, &entry, is_heard);
            world->is_reporting = false;
        } else {
            append_hello(world, entry.incarnation);
            world->is_greeted =
                is_heard && entry.incarnation == protocol_worker_incarnation(world->worker);
        }
    }
}

static void enqueue(struct protocol_world *world, struct entry entry)
{
    if (world->queued < QUEUE_MAX)
        world->queue[world->queued++] = entry;
    if (entry.kind == ENTRY_SUBMIT && world->mutant == PROTOCOL_ANSWERS_EARLY) {
        world->clients[entry.command].is_answered = true;
        world->clients[entry.command].pos = world->head + world->queued;
    }
    if (entry.kind == ENTRY_REPORT && world->mutant == PROTOCOL_ACKS_EARLY)
        protocol_worker_acked(world->worker, entry.upto);
}

/* What it had not written is gone; what it had makes the same view again. */
static void crash_broker(struct protocol_world *world)
{
    uint64_t before = 0, after = 0;

    (void)view_hash(view_of(world), &before, NULL);
    memory_view_destroy(world->view);
    world->view = memory_view_new();
    for (size_t i = 0; i < world->head; i++) {
        autoarena arena = { 0 };
        struct record record = decode(buffer_bytes(&world->log[i]), &arena);

        (void)fleet_apply(view_of(world), &record, NULL);
    }
    (void)view_hash(view_of(world), &after, NULL);
    if (before != after)
        break_promise(world, "the log folded again is another view");
    world->queued = 0;
    world->is_reporting = false;
}

static bool is_command(struct bytes bytes)
{
    autoarena arena = { 0 };

    return decode(bytes, &arena).kind == RECORD_COMMAND;
}

/* The first command beyond a position; 0: none. */
static uint64_t next_command(const struct protocol_world *world, uint64_t after)
{
    for (uint64_t pos = after + 1; pos <= world->head; pos++) {
        if (is_command(buffer_bytes(&world->log[pos - 1])))
            return pos;
    }
    return 0;
}

static void give(struct protocol_world *world, uint64_t pos)
{
    autoarena arena = { 0 };
    struct record record = decode(buffer_bytes(&world->log[pos - 1]), &arena);

    protocol_worker_command(world->worker, &record);
}

static bool is_queued(const struct protocol_world *world, enum entry_kind kind, uint32_t command)
{
    for (size_t i = 0; i < world->queued; i++) {
        if (world->queue[i].kind == kind && world->queue[i].command == command)
            return true;
    }
    return false;
}

struct choices {
    struct protocol_choice *items;
    size_t count;
};

static void add(struct choices *choices, bool is_possible, enum protocol_what what, size_t index)
{
    if (is_possible && choices->count < PROTOCOL_CHOICES_MAX)
        choices->items[choices->count++] = (struct protocol_choice){ what, (uint32_t)index };
}

static void add_faults(const struct protocol_world *world, struct choices *choices)
{
    const struct protocol_worker *worker = world->worker;

    if (world->faults_left == 0)
        return;
    for (size_t i = 0; i < PROTOCOL_COMMANDS; i++) {
        add(choices, world->clients[i].under_way > 0, SUBMIT_ARRIVES_AND_STAYS, i);
        add(choices, world->clients[i].under_way > 0, SUBMIT_IS_LOST, i);
    }
    add(choices, world->queued > 0, BROKER_COMMITS_MUTELY, 0);
    add(choices, world->queued > 0, BROKER_CRASHES, 0);
    add(choices, next_command(world, 0) != 0, PAGE_COMES_AGAIN, 0);
    add(choices, world->reported.upto > 0 && !world->is_reporting, REPORT_COMES_AGAIN, 0);
    add(choices, true, WORKER_CRASHES, 0);
    add(choices, protocol_worker_actions(worker) > 0, WORKER_CRASHES_AFTER_IT_ACTED, 0);
}

size_t protocol_choices(const struct protocol_world *world,
                        struct protocol_choice ret[static PROTOCOL_CHOICES_MAX], bool *ret_is_over)
{
    const struct protocol_worker *worker = world->worker;
    struct choices choices = { .items = ret };
    bool is_greeted = world->is_greeted;

    for (size_t i = 0; i < PROTOCOL_COMMANDS; i++) {
        const struct client *client = &world->clients[i];

        add(&choices,
            !client->is_answered && client->under_way == 0 &&
                !is_queued(world, ENTRY_SUBMIT, (uint32_t)i),
            CLIENT_SUBMITS, i);
        add(&choices, client->under_way > 0, SUBMIT_ARRIVES, i);
    }
    add(&choices, world->queued > 0, BROKER_COMMITS, 0);
    add(&choices, !is_greeted && !is_queued(world, ENTRY_HELLO, 0), WORKER_SAYS_HELLO, 0);
    add(&choices, is_greeted && next_command(world, protocol_worker_cursor(worker)) != 0,
        WORKER_POLLS, 0);
    add(&choices, protocol_worker_has_batch(worker), WORKER_COMMITS, 0);
    for (size_t i = 0; i < protocol_worker_actions(worker); i++)
        add(&choices, true, WORKER_ACTS, i);
    add(&choices,
        is_greeted && !world->is_reporting &&
            protocol_worker_events(worker) > protocol_worker_acked_seq(worker),
        WORKER_REPORTS, 0);
    *ret_is_over = choices.count == 0;
    add_faults(world, &choices);
    return choices.count;
}

static void report(struct protocol_world *world)
{
    world->is_reporting = true;
    world->reported = (struct entry){
        .kind = ENTRY_REPORT,
        .incarnation = protocol_worker_incarnation(world->worker),
        .after = protocol_worker_acked_seq(world->worker),
        .upto = protocol_worker_events(world->worker),
    };
    enqueue(world, world->reported);
}

static void crash_worker(struct protocol_world *world, bool has_acted)
{
    protocol_worker_crash(world->worker, has_acted);
    world->is_greeted = false;
    world->is_reporting = false;
}

static bool is_fault(enum protocol_what what)
{
    return what == SUBMIT_ARRIVES_AND_STAYS || what == SUBMIT_IS_LOST ||
           what == BROKER_COMMITS_MUTELY || what == BROKER_CRASHES || what == PAGE_COMES_AGAIN ||
           what == REPORT_COMES_AGAIN || what == WORKER_CRASHES ||
           what == WORKER_CRASHES_AFTER_IT_ACTED;
}

static void happen(struct protocol_world *world, struct protocol_choice choice)
{
    struct client *client = &world->clients[choice.index % PROTOCOL_COMMANDS];
    const struct entry submit = { .kind = ENTRY_SUBMIT, .command = choice.index };

    switch (choice.what) {
    case CLIENT_SUBMITS:
        client->under_way++;
        return;
    case SUBMIT_ARRIVES:
    case SUBMIT_ARRIVES_AND_STAYS:
        client->under_way -= choice.what == SUBMIT_ARRIVES ? 1 : 0;
        enqueue(world, submit);
        return;
    case SUBMIT_IS_LOST:
        client->under_way--;
        return;
    case BROKER_COMMITS:
    case BROKER_COMMITS_MUTELY:
        commit(world, choice.what == BROKER_COMMITS);
        return;
    case BROKER_CRASHES:
        crash_broker(world);
        return;
    case WORKER_SAYS_HELLO:
        enqueue(world, (struct entry){ .kind = ENTRY_HELLO,
                                       .incarnation = protocol_worker_incarnation(world->worker) });
        return;
    case WORKER_POLLS:
        give(world, next_command(world, protocol_worker_cursor(world->worker)));
        return;
    case PAGE_COMES_AGAIN:
        for (uint64_t pos = 0;
             (pos = next_command(world, pos)) != 0 && pos <= protocol_worker_cursor(world->worker);)
            give(world, pos);
        return;
    case WORKER_COMMITS:
        protocol_worker_commit(world->worker);
        return;
    case WORKER_ACTS:
        protocol_worker_act(world->worker, choice.index);
        return;
    case WORKER_REPORTS:
        report(world);
        return;
    case REPORT_COMES_AGAIN:
        enqueue(world, world->reported);
        return;
    case WORKER_CRASHES:
    case WORKER_CRASHES_AFTER_IT_ACTED:
        crash_worker(world, choice.what == WORKER_CRASHES_AFTER_IT_ACTED);
        return;
    }
}

/* The log: each command once, each event in the journal's order, one outcome at most. */
static void check_log(struct protocol_world *world, unsigned outcomes[static PROTOCOL_COMMANDS])
{
    unsigned said[PROTOCOL_COMMANDS] = { 0 };
    uint64_t seq = 0;

    for (size_t i = 0; i < world->head; i++) {
        autoarena arena = { 0 };
        struct record record = decode(buffer_bytes(&world->log[i]), &arena);
        bool is_outcome = strncmp(record.type, "command.", strlen("command.")) == 0;
        uint64_t client = command_id_client(is_outcome ? record.cause : record.id);

        if (record.kind == RECORD_COMMAND && ++said[client - 1] > 1)
            break_promise(world, "command %llu is in the log twice", (unsigned long long)client);
        if (is_outcome && ++outcomes[client - 1] > 1)
            break_promise(world, "command %llu has two outcomes", (unsigned long long)client);
        if (record.journal_seq == 0)
            continue;
        if (record.journal_seq != ++seq)
            break_promise(world, "event %llu of the journal comes after %llu",
                          (unsigned long long)record.journal_seq, (unsigned long long)seq - 1);
    }
    if (protocol_worker_acked_seq(world->worker) > seq)
        break_promise(world, "event %llu was acknowledged, and the log ends with %llu",
                      (unsigned long long)protocol_worker_acked_seq(world->worker),
                      (unsigned long long)seq);
}

static void check(struct protocol_world *world)
{
    unsigned outcomes[PROTOCOL_COMMANDS] = { 0 };
    char *wrong = protocol_worker_check(world->worker);

    if (wrong != NULL)
        break_promise(world, "%s", wrong);
    free(wrong);
    check_log(world, outcomes);
    for (size_t i = 0; i < PROTOCOL_COMMANDS; i++) {
        const struct client *client = &world->clients[i];

        if (client->is_answered && client->pos > world->head)
            break_promise(world, "command %zu was acknowledged, and is not in the log", i);
    }
}

void protocol_repeat(struct protocol_world *world, struct protocol_choice choice)
{
    if (is_fault(choice.what))
        world->faults_left--;
    happen(world, choice);
}

const char *protocol_do(struct protocol_world *world, struct protocol_choice choice)
{
    protocol_repeat(world, choice);
    check(world);
    return world->broken[0] != '\0' ? world->broken : NULL;
}

const char *protocol_check_end(struct protocol_world *world)
{
    unsigned outcomes[PROTOCOL_COMMANDS] = { 0 };
    autoarena arena = { 0 };
    struct container_row row = { 0 };

    check_log(world, outcomes);
    for (size_t i = 0; i < PROTOCOL_COMMANDS; i++) {
        if (!world->clients[i].is_answered)
            break_promise(world, "command %zu is never answered", i);
        if (outcomes[i] != 1 && !(outcomes[i] == 0 && world->clients[i].is_refused))
            break_promise(world, "command %zu has %u outcomes", i, outcomes[i]);
    }
    (void)view_container(view_of(world), PROTOCOL_CONTAINER, &row, &arena, NULL);
    if ((row.id == NULL ? CONTAINER_STATE_COUNT : (enum container_state)row.state) !=
        protocol_worker_state(world->worker))
        break_promise(world, "the broker takes the container for another than its worker does");
    return world->broken[0] != '\0' ? world->broken : NULL;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 1099511628211ULL;
    return (hash ^ size) * 1099511628211ULL;
}

uint64_t protocol_hash(const struct protocol_world *world)
{
    uint64_t hash = 14695981039346656037ULL;
    const uint64_t numbers[] = { world->faults_left,
                                 world->is_greeted,
                                 world->is_reporting,
                                 world->reported.after,
                                 world->reported.upto,
                                 world->reported.incarnation,
                                 protocol_worker_hash(world->worker) };

    for (size_t i = 0; i < world->head; i++)
        hash = mix(hash, world->log[i].data, world->log[i].size);
    for (size_t i = 0; i < world->queued; i++) {
        const struct entry *entry = &world->queue[i];
        const uint64_t parts[] = { entry->kind, entry->command, entry->incarnation, entry->after,
                                   entry->upto };

        hash = mix(hash, parts, sizeof(parts));
    }
    for (size_t i = 0; i < PROTOCOL_COMMANDS; i++) {
        const struct client *client = &world->clients[i];
        const uint64_t parts[] = { client->is_answered, client->is_refused, client->pos,
                                   client->under_way };

        hash = mix(hash, parts, sizeof(parts));
    }
    return mix(hash, numbers, sizeof(numbers));
}

static void make_command(struct client *client, uint64_t number, const char *type,
                         const struct buffer *body)
{
    static char host[] = HOST, container[] = PROTOCOL_CONTAINER, actor[] = "test";
    autofree char *own_type = mem_dup_text(type);
    autofree char *stream = mem_text("cmd/%s", HOST);
    const struct record record = { .kind = RECORD_COMMAND,
                                   .type = own_type,
                                   .stream = stream,
                                   .host = host,
                                   .container = container,
                                   .actor = actor,
                                   .id = command_id_make(number, 1),
                                   .happened = NOW_NS,
                                   .body.bytes = buffer_bytes(body) };

    schema_encode(&record_schema, &record, &client->command);
}

struct protocol_world *protocol_world_new(enum protocol_mutant mutant, unsigned faults_max)
{
    static char name[] = "web", rootfs[] = "/rootfs", program[] = "/bin/true";
    char *argv[] = { program };
    struct container_config config = { .name = name,
                                       .rootfs = rootfs,
                                       .command = { .items = argv, .count = 1 } };
    const struct container_create create = { .config = &config };
    struct buffer body = encode_body(&container_create_schema, &create);
    struct protocol_world *world = mem_new(struct protocol_world);

    world->mutant = mutant;
    world->faults_left = faults_max;
    world->view = memory_view_new();
    world->worker = protocol_worker_new(mutant);
    make_command(&world->clients[0], 1, "container.create", &body);
    make_command(&world->clients[1], 2, "container.start", &(struct buffer){ 0 });
    append_hello(world, protocol_worker_incarnation(world->worker));
    world->is_greeted = true;
    buffer_done(&body);
    return world;
}

void protocol_world_destroy(struct protocol_world *world)
{
    if (world == NULL)
        return;
    for (size_t i = 0; i < PROTOCOL_COMMANDS; i++)
        buffer_done(&world->clients[i].command);
    for (size_t i = 0; i < world->head; i++)
        buffer_done(&world->log[i]);
    memory_view_destroy(world->view);
    protocol_worker_destroy(world->worker);
    free(world);
}

const char *protocol_what_text(enum protocol_what what)
{
    static const char *const texts[] = {
        [CLIENT_SUBMITS] = "the client submits",
        [SUBMIT_ARRIVES] = "the submission arrives",
        [SUBMIT_ARRIVES_AND_STAYS] = "the submission arrives, and will again",
        [SUBMIT_IS_LOST] = "the submission is lost",
        [BROKER_COMMITS] = "the broker commits",
        [BROKER_COMMITS_MUTELY] = "the broker commits, and its answers are lost",
        [BROKER_CRASHES] = "the broker crashes",
        [WORKER_SAYS_HELLO] = "the worker says hello",
        [WORKER_POLLS] = "the worker polls",
        [PAGE_COMES_AGAIN] = "the page comes again",
        [WORKER_COMMITS] = "the worker commits",
        [WORKER_ACTS] = "the worker acts",
        [WORKER_REPORTS] = "the worker reports",
        [REPORT_COMES_AGAIN] = "the report comes again",
        [WORKER_CRASHES] = "the worker crashes",
        [WORKER_CRASHES_AFTER_IT_ACTED] = "the worker crashes after it acted",
    };

    return texts[what];
}
