/*
 * Producers of another broker on this machine.
 *
 *     peer_load redis|nats|mqtt|mqtt-twice|etcd PORT CLIENTS TURNS BATCH BYTES
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
#include <unistd.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "tests/bench/load/times.h"
#include "tests/bench/protocols/protocol.h"

#define RECEIVE_SIZE 65536
#define CLIENTS_MAX  1000

struct client {
    struct exchange exchange;
    struct buffer received; /* what is not taken yet */
    unsigned turns_left;
    uint64_t asked;
};

struct load {
    const struct protocol *protocol;
    unsigned clients, turns, batch, bytes;
    struct times times;
};

static const struct protocol *const protocols[] = {
    &redis_protocol, &nats_protocol, &mqtt_protocol, &mqtt_twice_protocol, &etcd_protocol,
};

void protocol_give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "peer_load: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void check(long result, const char *what)
{
    if (result >= 0)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

void protocol_send(int fd, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        check(sent, "send");
        bytes.data += sent;
        bytes.size -= (size_t)sent;
    }
}

void protocol_receive(int fd, void *ret, size_t size)
{
    if (recv(fd, ret, size, MSG_WAITALL) != (ssize_t)size)
        protocol_give_up("receive", "the server hung up");
}

static const struct protocol *find_protocol(const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
        if (strcmp(protocols[i]->name, name) == 0)
            return protocols[i];
    }
    protocol_give_up(name, "is no protocol that is known here");
}

static void connect_one(const struct load *load, unsigned number, uint16_t port,
                        struct client *client)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct exchange *exchange = &client->exchange;
    const int yes = 1;

    exchange->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(exchange->fd, "socket");
    check(connect(exchange->fd, (const struct sockaddr *)&address, sizeof(address)), "connect");
    check(setsockopt(exchange->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)), "TCP_NODELAY");
    exchange->number = number;
    exchange->record_count = load->batch;
    exchange->record_size = load->bytes;
    load->protocol->begin(exchange);
    client->turns_left = load->turns;
}

static void next_turn(const struct load *load, struct client *client)
{
    client->turns_left--;
    load->protocol->turn(&client->exchange);
    client->asked = times_now_ns();
    protocol_send(client->exchange.fd, buffer_bytes(&client->exchange.batch));
}

/* Whether the batch is acknowledged. */
static bool receive(const struct load *load, struct client *client)
{
    struct buffer *received = &client->received;
    size_t taken = 0, size;
    ssize_t got;

    buffer_reserve(received, RECEIVE_SIZE);
    got = recv(client->exchange.fd, received->data + received->size, RECEIVE_SIZE, 0);
    if (got <= 0)
        protocol_give_up("receive", "the server hung up");
    received->size += (size_t)got;
    while (taken < received->size &&
           (size = load->protocol->take(
                &client->exchange, bytes_at(received->data + taken, received->size - taken))) > 0)
        taken += size;
    memmove(received->data, received->data + taken, received->size - taken);
    received->size -= taken;
    return client->exchange.awaited_count == 0;
}

static void run(struct load *load, struct client *clients)
{
    size_t wanted = (size_t)load->clients * load->turns;
    struct epoll_event events[64];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);

    check(poll_fd, "epoll");
    for (unsigned i = 0; i < load->clients; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

        check(epoll_ctl(poll_fd, EPOLL_CTL_ADD, clients[i].exchange.fd, &event), "epoll");
        next_turn(load, &clients[i]);
    }
    while (load->times.count < wanted) {
        int count = epoll_wait(poll_fd, events, 64, -1);

        check(count, "epoll");
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;

            if (!receive(load, client))
                continue;
            times_add(&load->times, times_now_ns() - client->asked);
            if (client->turns_left > 0)
                next_turn(load, client);
        }
    }
    (void)close(poll_fd);
}

int main(int argc, char **argv)
{
    struct client *clients;
    struct load load = { 0 };
    uint64_t began, ended;

    if (argc != 7)
        return 2;
    load.protocol = find_protocol(argv[1]);
    load.clients = (unsigned)atoi(argv[3]) % CLIENTS_MAX;
    load.turns = (unsigned)atoi(argv[4]);
    load.batch = (unsigned)atoi(argv[5]);
    load.bytes = (unsigned)atoi(argv[6]);
    load.times = times_make((size_t)load.clients * load.turns);
    clients = mem_zeroed(load.clients * sizeof(*clients));
    for (unsigned i = 0; i < load.clients; i++)
        connect_one(&load, i, (uint16_t)atoi(argv[2]), &clients[i]);
    began = times_now_ns();
    run(&load, clients);
    ended = times_now_ns();
    times_print(&load.times, argv[1], (double)load.times.count * load.batch, ended - began);
    for (unsigned i = 0; i < load.clients; i++) {
        (void)close(clients[i].exchange.fd);
        buffer_done(&clients[i].exchange.batch);
        buffer_done(&clients[i].received);
    }
    free(clients);
    times_done(&load.times);
    return EXIT_SUCCESS;
}
