/*
 * feed_load HOST PORT SUBSCRIBERS COMMANDS: so many connections that follow the broker's feed.
 *
 * Says {"ready": true} when all are there. Ends when each has seen so many commands and prints how
 * long they took from their `happened` until they were read here, or when nothing has come for a
 * while: `lost` says how many were not seen.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/io/clock.h"
#include "common/io/sp_wire.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "tests/bench/load/times.h"

#define HEAD_SIZE    8
#define RECEIVE_SIZE 65536
#define PATIENCE_MS  20000
#define FILES_MAX    (1 << 20)

struct subscriber {
    int fd;
    struct buffer received;
};

/* When the commands of one message were said: of all subscribers it is the same message. */
struct message {
    struct buffer bytes;
    uint64_t *happened;
    size_t count;
};

struct load {
    struct subscriber *subscribers;
    size_t subscriber_count;
    struct message last;
    struct times times;
    size_t wanted;
};

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void subscribe(const char *host, const char *port, struct subscriber *subscriber)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    uint8_t greeting[SP_GREETING_SIZE];

    subscriber->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (subscriber->fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(subscriber->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        give_up("connect");
    sp_wire_greeting(SP_SUB, greeting);
    if (send(subscriber->fd, greeting, sizeof(greeting), 0) != sizeof(greeting) ||
        recv(subscriber->fd, greeting, sizeof(greeting), MSG_WAITALL) != sizeof(greeting))
        give_up("greet");
}

static void decode(struct message *message, struct bytes bytes)
{
    autoarena arena = { 0 };
    struct feed feed = { 0 };
    struct error err = { 0 };
    struct frame frame;

    message->bytes.size = 0;
    buffer_append(&message->bytes, bytes.data, bytes.size);
    message->count = 0;
    if (frame_decode(bytes_at(bytes.data + 1, bytes.size - 1), &frame, &arena, &err) < 0 ||
        schema_decode(&feed_schema, frame.body, &feed, &arena, &err) < 0)
        give_up(err.text);
    message->happened =
        mem_resized(message->happened, (feed.records.count + 1) * sizeof(*message->happened));
    for (size_t i = 0; i < feed.records.count; i++) {
        struct record record = { 0 };

        if (schema_decode(&record_schema, feed.records.items[i].bytes, &record, &arena, &err) < 0)
            give_up(err.text);
        if (record.kind == RECORD_COMMAND)
            message->happened[message->count++] = record.happened;
    }
}

static void take_message(struct load *load, struct bytes bytes)
{
    uint64_t now_ns = clock_wall_ns();

    if (!bytes_equal(bytes, buffer_bytes(&load->last.bytes)))
        decode(&load->last, bytes);
    for (size_t i = 0; i < load->last.count && load->times.count < load->wanted; i++)
        times_add(&load->times, now_ns - load->last.happened[i]);
}

static size_t whole_size(const struct buffer *received, size_t from)
{
    uint64_t size;

    if (received->size - from < HEAD_SIZE)
        return 0;
    memcpy(&size, received->data + from, sizeof(size));
    size = be64toh(size) + HEAD_SIZE;
    return received->size - from < size ? 0 : (size_t)size;
}

static void receive(struct load *load, struct subscriber *subscriber)
{
    struct buffer *received = &subscriber->received;
    size_t taken = 0, size;
    ssize_t got;

    buffer_reserve(received, RECEIVE_SIZE);
    got = recv(subscriber->fd, received->data + received->size, RECEIVE_SIZE, MSG_DONTWAIT);
    if (got <= 0)
        give_up("the broker has cut a subscriber off");
    received->size += (size_t)got;
    while ((size = whole_size(received, taken)) > 0) {
        take_message(load, bytes_at(received->data + taken + HEAD_SIZE, size - HEAD_SIZE));
        taken += size;
    }
    if (taken == received->size) {
        buffer_done(received); /* ten thousand of them */
        *received = (struct buffer){ 0 };
        return;
    }
    memmove(received->data, received->data + taken, received->size - taken);
    received->size -= taken;
}

static void follow(struct load *load)
{
    struct epoll_event events[256];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    size_t before = 0;
    uint64_t moved_ms = clock_steady_ms();

    for (size_t i = 0; i < load->subscriber_count; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &load->subscribers[i] };

        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, load->subscribers[i].fd, &event) < 0)
            give_up("epoll");
    }
    /* The feed repeats itself each second: silence is not what tells the end. */
    while (load->times.count < load->wanted && clock_steady_ms() - moved_ms < PATIENCE_MS) {
        int count = epoll_wait(poll_fd, events, 256, 1000);

        for (int i = 0; i < count; i++)
            receive(load, events[i].data.ptr);
        if (load->times.count > before)
            moved_ms = clock_steady_ms();
        before = load->times.count;
    }
    (void)close(poll_fd);
}

int main(int argc, char **argv)
{
    const struct rlimit limit = { .rlim_cur = FILES_MAX, .rlim_max = FILES_MAX };
    struct rlimit allowed;
    struct load load = { 0 };
    struct times_found found;

    if (argc != 5)
        return 2;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &allowed) == 0) {
        allowed.rlim_cur = allowed.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &allowed);
    }
    load.subscriber_count = (size_t)atoi(argv[3]);
    load.wanted = load.subscriber_count * (size_t)atoi(argv[4]);
    load.subscribers = mem_zeroed((load.subscriber_count + 1) * sizeof(*load.subscribers));
    load.times = times_make(load.wanted);
    for (size_t i = 0; i < load.subscriber_count; i++)
        subscribe(argv[1], argv[2], &load.subscribers[i]);
    printf("{\"ready\": true}\n");
    (void)fflush(stdout);
    follow(&load);
    found = times_find(&load.times);
    printf("{\"seen\": %zu, \"lost\": %zu, \"p50_us\": %u, \"p99_us\": %u}\n", load.times.count,
           load.wanted - load.times.count, found.p50_us, found.p99_us);
    _exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
