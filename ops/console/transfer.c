/* Bytes between the console and a host; see the header. */
#include "ops/console/transfer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "ops/console/names.h"

#define READ_WAIT_MS  10000
#define WRITE_WAIT_MS 600000 /* a slow disk of the host; the broker gives up by then */
#define KEEP_ALIVE_MS 10000
/* One piece for each round trip. Measured: 256 KiB take twice as long for the same file, and four
 * times the processor time here. */
#define CHUNK_BYTES_MAX (128 * 1024)

static int ask(struct console *console, const struct client_question *question, void *ret,
               struct arena *arena, struct error *err)
{
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    return r < 0 ? r : client_ask(client, question, ret, arena, err);
}

static int open_stream(struct console *console, const struct stream_open *open, uint64_t *ret,
                       struct error *err)
{
    const struct client_question question = { .schema = &stream_open_schema,
                                              .message = open,
                                              .reply = &stream_opened_schema };
    struct stream_opened opened = { 0 };
    int r = ask(console, &question, &opened, &console->arena, err);

    if (r == 0)
        *ret = opened.stream;
    return r;
}

static void close_stream(struct console *console, uint64_t stream)
{
    const struct stream_close close = { .stream = stream };
    const struct client_question question = { .schema = &stream_close_schema,
                                              .message = &close,
                                              .reply = &done_schema };
    struct nothing done;

    (void)ask(console, &question, &done, &console->arena, NULL);
}

/* --- from a host */

static int take_chunks(const struct stream_chunks *chunks, transfer_take_fn *take, void *owner,
                       struct error *err)
{
    const struct stream_chunk *items = chunks->chunks.items;
    int r = 0;

    for (size_t i = 0; r == 0 && i < chunks->chunks.count; i++)
        r = take(owner, items[i].data, err);
    return r;
}

#define RECEIVED_LAST    1
#define RECEIVED_NOTHING 2

/* One turn: RECEIVED_LAST when it was the last one. */
static int receive_next(struct console *console, struct stream_read *read, transfer_take_fn *take,
                        void *owner, struct error *err)
{
    const struct client_question question = { .schema = &stream_read_schema,
                                              .message = read,
                                              .wait_ms = READ_WAIT_MS,
                                              .reply = &stream_chunks_schema };
    autoarena arena = { 0 };
    struct stream_chunks chunks = { 0 };
    int r = ask(console, &question, &chunks, &arena, err);

    if (r == 0)
        r = take_chunks(&chunks, take, owner, err);
    if (r < 0)
        return r;
    if (chunks.is_end && chunks.failure != NULL)
        return error_set(err, -EREMOTEIO, "%s", chunks.failure);
    if (chunks.sequence != 0)
        read->sequence = chunks.sequence + 1;
    if (chunks.is_end)
        return RECEIVED_LAST;
    return chunks.sequence == 0 ? RECEIVED_NOTHING : 0;
}

int transfer_follow(struct console *console, const struct stream_open *open, transfer_take_fn *take,
                    bool (*goes_on)(void *owner), void *owner, struct error *err)
{
    struct stream_read read = { .sequence = 1, .wait_ms = READ_WAIT_MS };
    int r = open_stream(console, open, &read.stream, err);

    if (r < 0)
        return r;
    do
        r = receive_next(console, &read, take, owner, err);
    while (r == 0 || (r == RECEIVED_NOTHING && goes_on(owner)));
    close_stream(console, read.stream);
    return r < 0 ? r : 0;
}

static bool always(void *owner)
{
    (void)owner;
    return true;
}

int transfer_receive(struct console *console, const struct stream_open *open,
                     transfer_take_fn *take, void *owner, struct error *err)
{
    return transfer_follow(console, open, take, always, owner, err);
}

static int write_all(void *owner, struct bytes data, struct error *err)
{
    const int *fd = owner;
    int r = files_write_all(*fd, data);

    return r < 0 ? error_set(err, r, "write the output: %s", strerrordesc_np(-r)) : 0;
}

int transfer_receive_fd(struct console *console, const struct stream_open *open, int fd,
                        struct error *err)
{
    return transfer_receive(console, open, write_all, &fd, err);
}

/* --- to a host */

static int push(struct transfer *transfer, struct stream_chunk *chunk, bool is_end,
                struct error *err)
{
    const struct stream_push push = {
        .stream = transfer->stream,
        .sequence = transfer->sequence,
        .chunks = { .items = chunk, .count = chunk != NULL },
        .is_end = is_end,
    };
    const struct client_question question = { .schema = &stream_push_schema,
                                              .message = &push,
                                              .wait_ms = WRITE_WAIT_MS,
                                              .reply = &stream_credit_schema };
    autoarena arena = { 0 };
    struct stream_credit credit = { 0 };
    int r = ask(transfer->console, &question, &credit, &arena, err);

    if (r < 0)
        return r;
    if (credit.is_closed)
        return error_set(err, -EREMOTEIO, "%s",
                         credit.failure != NULL ? credit.failure
                                                : "the broker does not know the upload any more");
    return 0;
}

int transfer_open(struct transfer *transfer, struct console *console, const char *host,
                  struct error *err)
{
    struct stream_open open = { .host = arena_text(&console->arena, host),
                                .kind = arena_text(&console->arena, "upload"),
                                .upload = transfer->upload };

    *transfer = (struct transfer){ .console = console };
    (void)snprintf(transfer->upload, sizeof(transfer->upload), "u%016llx%016llx",
                   (unsigned long long)names_random(), (unsigned long long)names_random());
    return open_stream(console, &open, &transfer->stream, err);
}

int transfer_write(struct transfer *transfer, struct bytes data, struct error *err)
{
    int r = 0;

    while (r == 0 && data.size > 0) {
        size_t size = data.size < CHUNK_BYTES_MAX ? data.size : CHUNK_BYTES_MAX;
        struct stream_chunk chunk = { .channel = 1, .data = { .data = data.data, .size = size } };

        transfer->sequence++;
        r = push(transfer, &chunk, false, err);
        data.data += size;
        data.size -= size;
    }
    return r;
}

int transfer_keep_alive(struct transfer *transfer, struct error *err)
{
    return push(transfer, NULL, false, err);
}

int transfer_finish(struct transfer *transfer, struct error *err)
{
    int r;

    transfer->sequence++;
    r = push(transfer, NULL, true, err);
    close_stream(transfer->console, transfer->stream);
    return r;
}

void transfer_abort(struct transfer *transfer)
{
    close_stream(transfer->console, transfer->stream);
}

/* One piece of what is there. 1 when that was all. */
static int send_next(struct transfer *transfer, int fd, uint8_t *buffer, struct error *err)
{
    struct pollfd polled = { .fd = fd, .events = POLLIN };
    int ready = poll(&polled, 1, KEEP_ALIVE_MS);
    ssize_t size;

    if (ready == 0)
        return transfer_keep_alive(transfer, err);
    if (ready < 0)
        return errno == EINTR ? 0 : error_set_errno(err, "wait for input");
    size = read(fd, buffer, CHUNK_BYTES_MAX);
    if (size < 0)
        return errno == EINTR ? 0 : error_set_errno(err, "read the input");
    if (size == 0)
        return 1;
    return transfer_write(transfer, (struct bytes){ .data = buffer, .size = (size_t)size }, err);
}

int transfer_send_fd(struct transfer *transfer, struct console *console, const char *host, int fd,
                     struct error *err)
{
    autofree uint8_t *buffer = mem_zeroed(CHUNK_BYTES_MAX);
    int r = transfer_open(transfer, console, host, err);

    if (r < 0)
        return r;
    do
        r = send_next(transfer, fd, buffer, err);
    while (r == 0);
    if (r > 0)
        return transfer_finish(transfer, err);
    transfer_abort(transfer);
    return r;
}
