/* A client that waits; see the header. */
#include "tests/sim/caller.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/sp_wire.h"
#include "common/mem.h"

#define HEAD_SIZE     8
#define ID_SIZE       4
#define REDIAL_MIN_MS 20
#define REDIAL_MAX_MS 1000
#define DIGEST_PRIME  0x9E3779B97F4A7C15ULL

struct caller {
    struct sockaddr_in address;
    int fd; /* -1: none */
    uint32_t id;
    unsigned redial_ms;
    unsigned random;
    struct buffer question;
    struct buffer answer;
};

_Noreturn void caller_give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(EXIT_FAILURE);
}

void caller_end_with_parent(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void caller_pause(unsigned ms)
{
    (void)poll(NULL, 0, (int)ms);
}

uint64_t record_digest(uint64_t pos, struct bytes wire)
{
    uint64_t digest = (pos + 1) * DIGEST_PRIME, word;
    size_t i = 0;

    for (; i + sizeof(word) <= wire.size; i += sizeof(word)) {
        memcpy(&word, wire.data + i, sizeof(word));
        digest = (digest ^ word) * DIGEST_PRIME;
        digest ^= digest >> 29;
    }
    for (; i < wire.size; i++)
        digest = (digest ^ wire.data[i]) * DIGEST_PRIME;
    return digest ^ digest >> 32;
}

struct caller *caller_new(const char *url)
{
    struct caller *caller = mem_new(struct caller);
    char host[64];
    unsigned port;

    if (sscanf(url, "tcp://%63[^:]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &caller->address.sin_addr) != 1)
        caller_give_up(url, "is no tcp://ADDRESS:PORT");
    caller->address.sin_family = AF_INET;
    caller->address.sin_port = htons((uint16_t)port);
    caller->fd = -1;
    caller->redial_ms = REDIAL_MIN_MS;
    caller->random = (unsigned)getpid() ^ (unsigned)(uintptr_t)caller;
    return caller;
}

static void hang_up(struct caller *caller)
{
    if (caller->fd >= 0)
        (void)close(caller->fd);
    caller->fd = -1;
}

void caller_destroy(struct caller *caller)
{
    if (caller == NULL)
        return;
    hang_up(caller);
    buffer_done(&caller->question);
    buffer_done(&caller->answer);
    free(caller);
}

static bool receive(struct caller *caller, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = recv(caller->fd, data, size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool transmit(struct caller *caller, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(caller->fd, data, size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool dial(struct caller *caller, unsigned silence_ms)
{
    const struct timeval silence = { .tv_sec = silence_ms / 1000,
                                     .tv_usec = (suseconds_t)(silence_ms % 1000) * 1000 };
    uint8_t greeting[SP_GREETING_SIZE];
    const int yes = 1;

    caller->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (caller->fd < 0)
        caller_give_up("socket", strerror(errno));
    (void)setsockopt(caller->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)setsockopt(caller->fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
    (void)setsockopt(caller->fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
    sp_wire_greeting(SP_REQ, greeting);
    return connect(caller->fd, (const struct sockaddr *)&caller->address,
                   sizeof(caller->address)) == 0 &&
           transmit(caller, greeting, sizeof(greeting)) &&
           receive(caller, greeting, sizeof(greeting));
}

static bool receive_answer(struct caller *caller)
{
    uint64_t size;

    if (!receive(caller, (uint8_t *)&size, sizeof(size)))
        return false;
    size = be64toh(size);
    if (size < ID_SIZE || size > 4 * (uint64_t)MESSAGE_SIZE_MAX)
        caller_give_up("answer", "has a length that no answer has");
    caller->answer.size = 0;
    buffer_reserve(&caller->answer, size);
    caller->answer.size = size;
    return receive(caller, caller->answer.data, size);
}

static bool try_once(struct caller *caller, unsigned silence_ms)
{
    if (caller->fd < 0 && !dial(caller, silence_ms))
        return false;
    return transmit(caller, caller->question.data, caller->question.size) && receive_answer(caller);
}

static void encode(struct caller *caller, const struct schema *schema, const void *message)
{
    static const uint8_t room[HEAD_SIZE + ID_SIZE];
    const uint32_t id = htobe32(0x80000000 | ++caller->id);
    uint64_t size;

    caller->question.size = 0;
    buffer_append(&caller->question, room, sizeof(room));
    frame_encode(schema, message, &caller->question);
    size = htobe64(caller->question.size - HEAD_SIZE);
    memcpy(caller->question.data, &size, HEAD_SIZE);
    memcpy(caller->question.data + HEAD_SIZE, &id, ID_SIZE);
}

void caller_ask(struct caller *caller, const struct schema *schema, const void *message,
                unsigned silence_ms, struct frame *ret, struct arena *arena)
{
    struct error err = { 0 };
    struct bytes answer;

    encode(caller, schema, message);
    while (!try_once(caller, silence_ms)) {
        hang_up(caller);
        caller_pause((unsigned)rand_r(&caller->random) % caller->redial_ms);
        if (caller->redial_ms < REDIAL_MAX_MS)
            caller->redial_ms *= 2;
    }
    caller->redial_ms = REDIAL_MIN_MS;
    answer = (struct bytes){ caller->answer.data + ID_SIZE, caller->answer.size - ID_SIZE };
    if (frame_decode(answer, ret, arena, &err) < 0)
        caller_give_up("answer", err.text);
}

void caller_decode(const struct frame *frame, const struct schema *schema, void *ret,
                   struct arena *arena)
{
    struct error err = { 0 };

    if (strcmp(frame->type, schema->name) != 0)
        caller_give_up(schema->name, frame->type);
    if (schema_decode(schema, frame->body, ret, arena, &err) < 0)
        caller_give_up(schema->name, err.text);
}
