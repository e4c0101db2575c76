/*
 * peer_load redis|nats PORT CLIENTS TURNS BATCH BYTES: producers of another broker on this machine.
 *
 * Each client sends a batch of records, waits until all of them are acknowledged, and goes on.
 * Prints one line of JSON like broker_load. The server has what it needs (a stream that takes
 * "events.*") already.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/mem.h"

#define RECEIVE_SIZE  65536
#define CLIENTS_MAX   1000
#define LINES_A_REPLY 2 /* of both: a head with a size, and what it is the size of */

struct client {
    int fd;
    struct buffer batch; /* what it sends each time */
    unsigned turns_left;
    unsigned lines_left; /* of the replies that it waits for */
    uint64_t asked;
    char line[16]; /* the beginning of the one that is being read */
    size_t line_size;
};

struct load {
    bool is_nats;
    unsigned clients, turns, batch, bytes;
    uint32_t *times;
    size_t count;
};

static void check(long result, const char *what)
{
    if (result >= 0)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void append_text(struct buffer *buffer, char *text)
{
    buffer_append(buffer, text, strlen(text));
    free(text);
}

static void add_record(const struct load *load, unsigned number, struct buffer *batch)
{
    autofree char *record = mem_zeroed(load->bytes + 1);

    memset(record, 'x', load->bytes);
    if (load->is_nats)
        append_text(batch, mem_text("PUB events.%u inbox.%u %u\r\n%s\r\n", number, number,
                                    load->bytes, record));
    else
        append_text(batch,
                    mem_text("*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n$%u\r\n%s"
                             "\r\n",
                             load->bytes, record));
}

static void send_all(int fd, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        check(sent, "send");
        bytes.data += sent;
        bytes.size -= (size_t)sent;
    }
}

static void connect_one(const struct load *load, unsigned number, uint16_t port,
                        struct client *client)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int yes = 1;

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(client->fd, "socket");
    check(connect(client->fd, (const struct sockaddr *)&address, sizeof(address)), "connect");
    check(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)), "TCP_NODELAY");
    if (load->is_nats) {
        struct buffer hello = { 0 };

        append_text(&hello, mem_text("CONNECT {\"verbose\":false}\r\nSUB inbox.%u 1\r\n", number));
        send_all(client->fd, buffer_bytes(&hello));
        buffer_done(&hello);
    }
    for (unsigned i = 0; i < load->batch; i++)
        add_record(load, number, &client->batch);
    client->turns_left = load->turns;
}

static void next_turn(const struct load *load, struct client *client)
{
    client->turns_left--;
    client->lines_left = load->batch * LINES_A_REPLY;
    client->asked = now_ns();
    send_all(client->fd, buffer_bytes(&client->batch));
}

static bool begins_with(const struct client *client, const char *word)
{
    return strncmp(client->line, word, strlen(word)) == 0;
}

static void end_line(struct client *client)
{
    client->line[client->line_size] = '\0';
    client->line_size = 0;
    if (begins_with(client, "-")) {
        (void)fprintf(stderr, "peer_load: %s\n", client->line);
        exit(EXIT_FAILURE);
    }
    if (begins_with(client, "PING"))
        send_all(client->fd, bytes_of_text("PONG\r\n"));
    else if (!begins_with(client, "INFO"))
        client->lines_left--;
}

/* Whether the batch is acknowledged. */
static bool receive(struct client *client)
{
    static char bytes[RECEIVE_SIZE];
    ssize_t size = recv(client->fd, bytes, sizeof(bytes), 0);

    check(size > 0 ? 0 : -1, "receive");
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            end_line(client);
        else if (client->line_size < sizeof(client->line) - 1)
            client->line[client->line_size++] = bytes[i];
    }
    return client->lines_left == 0;
}

static void run(struct load *load, struct client *clients)
{
    size_t wanted = (size_t)load->clients * load->turns;
    struct epoll_event events[64];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);

    check(poll_fd, "epoll");
    for (unsigned i = 0; i < load->clients; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

        check(epoll_ctl(poll_fd, EPOLL_CTL_ADD, clients[i].fd, &event), "epoll");
        next_turn(load, &clients[i]);
    }
    while (load->count < wanted) {
        int count = epoll_wait(poll_fd, events, 64, -1);

        check(count, "epoll");
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;

            if (!receive(client))
                continue;
            load->times[load->count++] = (uint32_t)((now_ns() - client->asked) / 1000);
            if (client->turns_left > 0)
                next_turn(load, client);
        }
    }
    (void)close(poll_fd);
}

static int compare_times(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    struct client *clients;
    struct load load = { 0 };
    uint64_t began, ended;
    double records;

    if (argc != 7)
        return 2;
    load.is_nats = strcmp(argv[1], "nats") == 0;
    load.clients = (unsigned)atoi(argv[3]) % CLIENTS_MAX;
    load.turns = (unsigned)atoi(argv[4]);
    load.batch = (unsigned)atoi(argv[5]);
    load.bytes = (unsigned)atoi(argv[6]);
    load.times = mem_zeroed(((size_t)load.clients * load.turns + 1) * sizeof(*load.times));
    clients = mem_zeroed(load.clients * sizeof(*clients));
    for (unsigned i = 0; i < load.clients; i++)
        connect_one(&load, i, (uint16_t)atoi(argv[2]), &clients[i]);
    began = now_ns();
    run(&load, clients);
    ended = now_ns();
    qsort(load.times, load.count, sizeof(*load.times), compare_times);
    records = (double)load.count * load.batch;
    printf("{\"records\": %.0f, \"rate\": %.0f, \"p50_us\": %u, \"p99_us\": %u}\n", records,
           records * 1e9 / (double)(ended - began), load.times[load.count / 2],
           load.times[load.count * 99 / 100]);
    for (unsigned i = 0; i < load.clients; i++) {
        (void)close(clients[i].fd);
        buffer_done(&clients[i].batch);
    }
    free(clients);
    free(load.times);
    return EXIT_SUCCESS;
}
