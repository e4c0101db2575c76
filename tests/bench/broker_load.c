/*
 * Load on a broker.
 *
 *     broker_load start|create|report HOST PORT CLIENTS REQUESTS RECORDS [TLS...]
 *
 * CLIENTS connections, each with one request under way, in one thread: `start` submits commands on
 * containers that exist, `create` makes new ones, `report` speaks for CLIENTS workers and sends
 * RECORDS events in each report (lives of 25 containers: initialized, started, died, cleaned). With
 * TLS, which is another port and the files of a controller's certificate, of its key and of the
 * authority, commands go there over mutual TLS. One line of JSON says what came of it.
 *
 * A program for measuring: what goes wrong ends it with a sentence.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/id.h"
#include "common/io/clock.h"
#include "common/io/sp_wire.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "tests/bench/load/times.h"

#define HEAD_SIZE       8
#define ID_SIZE         4
#define CONTAINERS      25 /* of each worker */
#define EVENTS_IN_LIFE  4
#define ANSWER_SIZE_MAX 4096

struct client {
    int fd;
    SSL *tls;          /* NULL: plain */
    uint64_t id;       /* as an author of commands */
    uint64_t sequence; /* of its last command; or of the last event of its journal */
    char host[16];
    char containers[CONTAINERS][CONTAINER_ID_SIZE + 1];
    unsigned events; /* said of the lives of its containers */
    unsigned left;   /* requests to come */
    uint64_t asked;  /* ns: when the last one was sent */
    size_t received;
    uint8_t answer[ANSWER_SIZE_MAX];
};

struct load {
    const char *mode;
    unsigned clients;
    unsigned requests;   /* of each client */
    unsigned records;    /* in each report */
    struct times times;  /* of each request */
    struct buffer frame; /* the message that is being sent: head, id and frame */
    SSL_CTX *tls;        /* NULL: plain */
};

static _Noreturn void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "broker_load: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void check(int r, const char *what)
{
    if (r < 0)
        give_up(what, strerror(errno));
}

static void check_tls(int result, const char *what)
{
    if (result <= 0)
        give_up(what, ERR_reason_error_string(ERR_get_error()));
}

static void send_all(const struct client *client, const uint8_t *data, size_t size)
{
    if (client->tls != NULL) {
        check_tls(SSL_write(client->tls, data, (int)size), "send over TLS");
        return;
    }
    for (size_t sent = 0; sent < size;) {
        ssize_t n = send(client->fd, data + sent, size - sent, 0);

        check((int)n, "send");
        sent += (size_t)n;
    }
}

/* Over TLS it waits for the rest of a record of which a part is there. */
static size_t receive_some(const struct client *client, uint8_t *data, size_t size, int flags)
{
    ssize_t n;

    if (client->tls != NULL) {
        int read = SSL_read(client->tls, data, (int)size);

        check_tls(read, "receive over TLS");
        return (size_t)read;
    }
    n = recv(client->fd, data, size, flags);
    if (n == 0)
        give_up("receive", "the broker hung up");
    check((int)n, "receive");
    return (size_t)n;
}

static void send_frame(struct load *load, struct client *client)
{
    const uint32_t id = htobe32(0x80000001);
    const uint64_t size = htobe64(load->frame.size - HEAD_SIZE);

    memcpy(load->frame.data, &size, HEAD_SIZE);
    memcpy(load->frame.data + HEAD_SIZE, &id, ID_SIZE);
    send_all(client, load->frame.data, load->frame.size);
}

static void send_message(struct load *load, struct client *client, const struct schema *schema,
                         const void *message)
{
    static const uint8_t room[HEAD_SIZE + ID_SIZE];

    load->frame.size = 0;
    buffer_append(&load->frame, room, sizeof(room));
    frame_encode(schema, message, &load->frame);
    send_frame(load, client);
}

/* True when the whole answer is there. */
static bool receive(struct client *client, int flags)
{
    uint64_t size;

    client->received += receive_some(client, client->answer + client->received,
                                     sizeof(client->answer) - client->received, flags);
    if (client->received < HEAD_SIZE)
        return false;
    memcpy(&size, client->answer, sizeof(size));
    if (be64toh(size) > sizeof(client->answer) - HEAD_SIZE)
        give_up("receive", "an answer is larger than expected");
    return client->received == HEAD_SIZE + be64toh(size);
}

/* The answer must be `wanted`, and no refusal. */
static void take_answer(struct client *client, const struct schema *wanted)
{
    autoarena arena = { 0 };
    struct bytes bytes = { client->answer + HEAD_SIZE + ID_SIZE,
                           client->received - HEAD_SIZE - ID_SIZE };
    struct submitted submitted = { 0 };
    struct bus_error error = { 0 };
    struct error err = { 0 };
    struct frame frame;

    client->received = 0;
    if (frame_decode(bytes, &frame, &arena, &err) < 0)
        give_up("answer", err.text);
    if (strcmp(frame.type, bus_error_schema.name) == 0) {
        (void)schema_decode(&bus_error_schema, frame.body, &error, &arena, &err);
        give_up("answer", error.text);
    }
    if (strcmp(frame.type, wanted->name) != 0)
        give_up("answer", frame.type);
    if (wanted != &submitted_schema)
        return;
    if (schema_decode(wanted, frame.body, &submitted, &arena, &err) < 0)
        give_up("answer", err.text);
    if (submitted.code != NULL)
        give_up("answer", submitted.text);
}

static void ask(struct load *load, struct client *client, const struct schema *schema,
                const void *message, const struct schema *wanted)
{
    send_message(load, client, schema, message);
    while (!receive(client, 0))
        ;
    take_answer(client, wanted);
}

static void encode_body(const struct schema *schema, const void *body, struct buffer *scratch,
                        struct record *record)
{
    scratch->size = 0;
    schema_encode(schema, body, scratch);
    record->body.bytes = buffer_bytes(scratch);
}

static struct command_id next_id(struct client *client)
{
    return command_id_make(client->id, ++client->sequence);
}

/* The event that comes next in the lives of the client's containers, appended to `ret`. */
static void next_event(struct client *client, struct buffer *scratch, struct buffer *ret)
{
    static char types[EVENTS_IN_LIFE][24] = { "container.initialized", "container.started",
                                              "container.died", "container.cleaned" };
    static char runtime[] = "crun";
    const struct container_initialized initialized = {
        .pid = 123456,
        .pid_started = 987654321,
        .conmon_pid = 123450,
        .conmon_started = 987654300,
        .runtime = runtime,
    };
    const struct container_died died = { .exit_code = 137, .finished = clock_wall_ns() };
    unsigned event = client->events % EVENTS_IN_LIFE;
    unsigned life = client->events / EVENTS_IN_LIFE;
    struct record record = {
        .kind = RECORD_EVENT,
        .type = types[event],
        .host = client->host,
        .container = client->containers[life % CONTAINERS],
        .run = life / CONTAINERS + 1,
        .incarnation = 1,
        .journal_seq = ++client->sequence,
        .happened = died.finished,
    };

    client->events++;
    if (event == 0)
        encode_body(&container_initialized_schema, &initialized, scratch, &record);
    if (event == 2)
        encode_body(&container_died_schema, &died, scratch, &record);
    schema_encode(&record_schema, &record, ret);
}

static void send_report(struct load *load, struct client *client)
{
    struct raw *items = mem_zeroed(load->records * sizeof(*items));
    size_t *ends = mem_zeroed(load->records * sizeof(*ends));
    struct buffer scratch = { 0 }, records = { 0 };
    struct report report = {
        .host = client->host,
        .incarnation = 1,
        .journal = command_id_make(client->id, 1),
        .records = { .items = items, .count = load->records },
    };
    size_t begin = 0;

    for (unsigned i = 0; i < load->records; i++) {
        next_event(client, &scratch, &records);
        ends[i] = records.size;
    }
    for (unsigned i = 0; i < load->records; i++) {
        items[i].bytes = (struct bytes){ records.data + begin, ends[i] - begin };
        begin = ends[i];
    }
    send_message(load, client, &report_schema, &report);
    buffer_done(&scratch);
    buffer_done(&records);
    free(ends);
    free(items);
}

static void fill_submit(struct client *client, struct record *record, struct buffer *ret)
{
    record->kind = RECORD_COMMAND;
    record->host = client->host;
    record->id = next_id(client);
    record->happened = clock_wall_ns();
    schema_encode(&record_schema, record, ret);
}

static void send_submit(struct load *load, struct client *client, struct record *record)
{
    struct buffer bytes = { 0 };
    struct submit submit;

    fill_submit(client, record, &bytes);
    submit.record.bytes = buffer_bytes(&bytes);
    send_message(load, client, &submit_schema, &submit);
    buffer_done(&bytes);
}

static void send_start(struct load *load, struct client *client)
{
    static char type[] = "container.start";
    struct record record = {
        .type = type,
        .container = client->containers[client->sequence % CONTAINERS],
    };

    send_submit(load, client, &record);
}

/* A configuration of a usual size. */
static void encode_create(const char *name, struct buffer *ret)
{
    static char rootfs[] = "/var/lib/gantry/rootfs/debian", network[] = "none";
    static char command[3][32] = { "/bin/sh", "-c", "exec /usr/bin/service --flag" };
    static char env[3][48] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                               "SERVICE_MODE=production" };
    char *words[3] = { command[0], command[1], command[2] };
    char *settings[3] = { env[0], env[1], env[2] };
    struct container_config config = {
        .name = mem_dup_text(name),
        .rootfs = rootfs,
        .network = network,
        .command = { .items = words, .count = 3 },
        .env = { .items = settings, .count = 3 },
    };
    const struct container_create create = { .config = &config };

    schema_encode(&container_create_schema, &create, ret);
    free(config.name);
}

static void new_container(char ret[static CONTAINER_ID_SIZE + 1])
{
    uint8_t random[CONTAINER_ID_SIZE / 2];

    check(getrandom(random, sizeof(random), 0) == sizeof(random) ? 0 : -1, "getrandom");
    hex_write(random, sizeof(random), ret);
}

static void send_create(struct load *load, struct client *client)
{
    static char type[] = "container.create";
    char container[CONTAINER_ID_SIZE + 1];
    struct record record = { .type = type, .container = container };
    struct buffer body = { 0 };
    char name[48];

    new_container(container);
    (void)snprintf(name, sizeof(name), "c%llu", (unsigned long long)client->sequence);
    encode_create(name, &body);
    record.body.bytes = buffer_bytes(&body);
    send_submit(load, client, &record);
    buffer_done(&body);
}

static const struct mode {
    const char *name;
    void (*send)(struct load *load, struct client *client);
    const struct schema *answer;
} modes[] = {
    { "start", send_start, &submitted_schema },
    { "create", send_create, &submitted_schema },
    { "report", send_report, &ack_schema },
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    }
    return NULL;
}

static SSL_CTX *tls_context(char **files)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    check_tls(SSL_CTX_use_certificate_chain_file(context, files[0]), files[0]);
    check_tls(SSL_CTX_use_PrivateKey_file(context, files[1], SSL_FILETYPE_PEM), files[1]);
    check_tls(SSL_CTX_load_verify_locations(context, files[2], NULL), files[2]);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

static void connect_client(SSL_CTX *tls, const char *host, const char *port, struct client *client)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    uint8_t greeting[SP_GREETING_SIZE];
    const int yes = 1;

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(client->fd, "socket");
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        give_up(host, "is no address");
    check(connect(client->fd, (const struct sockaddr *)&address, sizeof(address)), "connect");
    check(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)), "TCP_NODELAY");
    if (tls != NULL) {
        client->tls = SSL_new(tls);
        check_tls(SSL_set_fd(client->tls, client->fd), "TLS");
        check_tls(SSL_connect(client->tls), "greet over TLS");
    }
    sp_wire_greeting(SP_REQ, greeting);
    send_all(client, greeting, sizeof(greeting));
    for (size_t got = 0; got < sizeof(greeting);)
        got += receive_some(client, greeting + got, sizeof(greeting) - got, 0);
}

/* Hello, and the containers: configured, so that they can be started or live. */
static void prepare(struct load *load, struct client *client)
{
    static char type[] = "container.created", any[] = "any";
    struct host_facts facts = { .version = any, .kernel = any, .arch = any, .cgroups = any };
    const struct hello hello = { .host = client->host,
                                 .incarnation = 1,
                                 .journal = command_id_make(client->id, 1),
                                 .facts = &facts };
    char name[16];

    ask(load, client, &hello_schema, &hello, &welcome_schema);
    for (unsigned i = 0; i < CONTAINERS; i++) {
        struct buffer body = { 0 }, bytes = { 0 };
        struct raw item;
        struct report report = { .host = client->host,
                                 .incarnation = 1,
                                 .journal = hello.journal,
                                 .records = { .items = &item, .count = 1 } };
        struct record record = { .kind = RECORD_EVENT,
                                 .type = type,
                                 .host = client->host,
                                 .container = client->containers[i],
                                 .journal_seq = i + 1 };

        new_container(client->containers[i]);
        (void)snprintf(name, sizeof(name), "old%u", i);
        encode_create(name, &body);
        record.body.bytes = buffer_bytes(&body); /* both bodies hold the configuration alone */
        schema_encode(&record_schema, &record, &bytes);
        item.bytes = buffer_bytes(&bytes);
        ask(load, client, &report_schema, &report, &ack_schema);
        buffer_done(&bytes);
        buffer_done(&body);
    }
    client->sequence = CONTAINERS;
}

static void send_next(struct load *load, const struct mode *mode, struct client *client)
{
    client->left--;
    client->asked = times_now_ns();
    mode->send(load, client);
}

static void run(struct load *load, const struct mode *mode, struct client *clients)
{
    struct epoll_event events[64];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    size_t wanted = (size_t)load->clients * load->requests;

    check(poll_fd, "epoll");
    for (unsigned i = 0; i < load->clients; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

        check(epoll_ctl(poll_fd, EPOLL_CTL_ADD, clients[i].fd, &event), "epoll");
        send_next(load, mode, &clients[i]);
    }
    while (load->times.count < wanted) {
        int count = epoll_wait(poll_fd, events, 64, -1);

        check(count, "epoll");
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;

            if (!receive(client, MSG_DONTWAIT))
                continue;
            take_answer(client, mode->answer);
            times_add(&load->times, times_now_ns() - client->asked);
            if (client->left > 0)
                send_next(load, mode, client);
        }
    }
    (void)close(poll_fd);
}

static void load_broker(struct load *load, const struct mode *mode, char **argv)
{
    struct client *clients = mem_zeroed(load->clients * sizeof(*clients));
    uint64_t began, ended;

    for (unsigned i = 0; i < load->clients; i++) {
        struct client *client = &clients[i];

        connect_client(NULL, argv[2], argv[3], client);
        client->left = load->requests;
        check(getrandom(&client->id, sizeof(client->id), 0) > 0 ? 0 : -1, "getrandom");
        (void)snprintf(client->host, sizeof(client->host), "bench%u", i);
        prepare(load, client);
        if (load->tls != NULL) {
            (void)close(client->fd);
            connect_client(load->tls, argv[2], argv[7], client);
        }
    }
    /* Whoever measures the broker looks at it now, and again when this line is followed. */
    printf("{\"mode\": \"ready\"}\n");
    (void)fflush(stdout);
    if (getchar() == EOF)
        give_up("wait", "nobody says when to begin");
    began = times_now_ns();
    run(load, mode, clients);
    ended = times_now_ns();
    times_print(&load->times, load->mode,
                (double)load->times.count * (load->records > 0 ? load->records : 1), ended - began);
    for (unsigned i = 0; i < load->clients; i++) {
        SSL_free(clients[i].tls);
        (void)close(clients[i].fd);
    }
    free(clients);
}

int main(int argc, char **argv)
{
    const struct mode *mode = argc > 1 ? find_mode(argv[1]) : NULL;
    struct load load = { 0 };

    if (mode == NULL || (argc != 7 && argc != 11))
        give_up("usage", "see the head of tests/bench/broker_load.c");
    if (argc == 11)
        load.tls = tls_context(argv + 8);
    load.mode = argv[1];
    load.clients = (unsigned)atoi(argv[4]);
    load.requests = (unsigned)atoi(argv[5]);
    load.records = (unsigned)atoi(argv[6]);
    load.times = times_make((size_t)load.clients * load.requests);
    load_broker(&load, mode, argv);
    SSL_CTX_free(load.tls);
    times_done(&load.times);
    buffer_done(&load.frame);
    return EXIT_SUCCESS;
}
