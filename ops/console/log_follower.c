/* What a container wrote; see the header. */
#include "ops/console/log_follower.h"

#include <errno.h>

#define READ_WAIT_MS     5000
#define SILENT_TURNS_MAX 3
#define REOPEN_MS        200
#define BREAKS_MAX       150 /* without a chunk in between: some 30 s of a host without a worker */

int log_follower_open(struct log_follower *follower, struct error *err)
{
    const struct client_question question = { .schema = &stream_open_schema,
                                              .message = &follower->open,
                                              .reply = &stream_opened_schema };
    struct stream_opened opened = { 0 };
    struct client *client = NULL;
    int r = console_client(follower->console, &client, err);

    if (r == 0)
        r = client_ask(client, &question, &opened, &follower->console->arena, err);
    if (r < 0)
        return r;
    follower->stream = opened.stream;
    follower->sequence = 1;
    return 0;
}

/* Whether the chunk was given before the stream broke. */
static bool is_repeated(struct log_follower *follower, const struct stream_chunk *chunk)
{
    if (chunk->time < follower->last_time)
        return follower->skip_count > 0;
    if (chunk->time > follower->last_time || follower->skip_count == 0)
        return false;
    follower->skip_count--;
    return true;
}

static void give(struct log_follower *follower, const struct stream_chunks *chunks,
                 const struct log_follower_events *events, void *owner)
{
    const struct stream_chunk *items = chunks->chunks.items;

    for (size_t i = 0; i < chunks->chunks.count; i++) {
        if (is_repeated(follower, &items[i]))
            continue;
        follower->skip_count = 0;
        if (items[i].time != follower->last_time)
            follower->last_count = 0;
        follower->last_time = items[i].time;
        follower->last_count++;
        events->on_chunk(owner, &items[i]);
    }
    if (chunks->sequence == 0)
        return;
    follower->sequence = chunks->sequence + 1;
    follower->silent_count = 0;
}

static int read_chunks(struct log_follower *follower, struct arena *arena,
                       struct stream_chunks *ret, struct error *err)
{
    const struct stream_read read = { .stream = follower->stream,
                                      .sequence = follower->sequence,
                                      .wait_ms = READ_WAIT_MS };
    const struct client_question question = { .schema = &stream_read_schema,
                                              .message = &read,
                                              .wait_ms = READ_WAIT_MS,
                                              .reply = &stream_chunks_schema };
    struct client *client = NULL;
    int r = console_client(follower->console, &client, err);

    return r < 0 ? r : client_ask(client, &question, ret, arena, err);
}

/* Another stream, from the last line that was given. */
static int open_again(struct log_follower *follower, struct error *err)
{
    struct client *client = NULL;
    int r = console_client(follower->console, &client, err);

    if (r == 0)
        r = client_wait(client, REOPEN_MS, err);
    if (r < 0)
        return r;
    if (follower->last_time != 0) {
        follower->open.since = follower->last_time;
        follower->open.tail = -1;
    }
    follower->skip_count = follower->last_count;
    return log_follower_open(follower, err);
}

/* Nothing came. When the container has ended, its host has said so before it gave the last lines,
 * or has lost the stream: a few more turns tell which. */
static int take_silence(struct log_follower *follower, const struct log_follower_events *events,
                        void *owner, bool *ret_is_end, struct error *err)
{
    bool is_over = false;
    int r = events->is_over(owner, &is_over, err);

    if (r < 0)
        return r;
    follower->silent_count = is_over ? follower->silent_count + 1 : 0;
    *ret_is_end = follower->silent_count == SILENT_TURNS_MAX;
    return 0;
}

/* One turn: *ret_is_end when all was given; -ENOENT when the stream broke. */
static int take_turn(struct log_follower *follower, const struct log_follower_events *events,
                     void *owner, bool *ret_is_end, struct error *err)
{
    autoarena arena = { 0 };
    struct stream_chunks chunks = { 0 };
    int r = read_chunks(follower, &arena, &chunks, err);

    if (r < 0)
        return r;
    give(follower, &chunks, events, owner);
    if (chunks.is_end && chunks.failure != NULL)
        return error_set(err, -ENOENT, "%s", chunks.failure);
    *ret_is_end = chunks.is_end;
    if (chunks.is_end || chunks.sequence != 0)
        return 0;
    return take_silence(follower, events, owner, ret_is_end, err);
}

int log_follower_run(struct log_follower *follower, const struct log_follower_events *events,
                     void *owner, struct error *err)
{
    unsigned breaks = 0;
    bool is_open = true;
    bool is_over = false; /* the container has ended: one more stream gives the rest */
    bool is_end = false;

    while (!is_end) {
        uint64_t before = follower->sequence;
        bool was_over = is_over;
        int r =
            is_open ? take_turn(follower, events, owner, &is_end, err) : open_again(follower, err);

        if (r == 0 && is_open && follower->sequence != before)
            breaks = 0;
        is_open = r == 0;
        if (is_open)
            continue;
        if (r != -ENOENT || !follower->open.follow || was_over || breaks++ == BREAKS_MAX)
            return r;
        r = events->is_over(owner, &is_over, err);
        if (r < 0)
            return r;
    }
    return 0;
}

void log_follower_print(const struct stream_chunk *chunk, FILE *out)
{
    /* The end of a line in parts may be the newline alone. */
    if (chunk->data.size > 0)
        (void)fwrite(chunk->data.data, 1, chunk->data.size, out);
    if (!chunk->is_partial)
        (void)fputc('\n', out);
    (void)fflush(out);
}
