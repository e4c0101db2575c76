/* The last lines of a log; see the header. */
#include "worker/io/log_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

#define BLOCK_SIZE 65536
/* How far back the first parts of lines that are wanted are looked for. */
#define SEARCH_MAX (4 * 1024 * 1024)

void log_tail_init(struct log_tail *tail, int fd, uint64_t size, uint64_t wanted)
{
    *tail = (struct log_tail){ .fd = fd, .wanted = wanted, .begin = size, .has_end = size == 0 };
}

void log_tail_done(struct log_tail *tail)
{
    free(tail->window);
    tail->window = NULL;
    tail->size = 0;
}

/* Put the block before the window in front of it. */
static int read_block(struct log_tail *tail, struct error *err)
{
    size_t size = tail->begin < BLOCK_SIZE ? (size_t)tail->begin : BLOCK_SIZE;
    uint8_t *window = mem_zeroed(size + tail->size);
    size_t have = 0;

    while (have < size) {
        ssize_t n = pread(tail->fd, window + have, size - have, (off_t)(tail->begin - size + have));

        if (n <= 0) {
            free(window);
            return n < 0 ? error_set_errno(err, "read the log")
                         : error_set(err, -EIO, "read the log: it has become shorter");
        }
        have += (size_t)n;
    }
    if (tail->size > 0)
        memcpy(window + size, tail->window, tail->size);
    free(tail->window);
    tail->window = window;
    tail->size += size;
    tail->begin -= size;
    return 0;
}

static bool has_enough(const struct log_tail *tail)
{
    return tail->counted == tail->wanted;
}

/* A part of a line, the later ones came before. */
static void look_at_part(struct log_tail *tail, const struct container_log_line *line,
                         uint64_t offset)
{
    struct log_tail_channel *channel = &tail->channels[line->channel - 1];
    bool is_new = !line->is_partial || !channel->has_any;

    if (channel->is_bounded)
        return;
    if (is_new && has_enough(tail)) {
        channel->is_bounded = true;
        return;
    }
    tail->counted += is_new;
    channel->has_any = true;
    channel->first = offset;
}

/* Take the last whole line off the window; false when its beginning is not in it. */
static bool take_last_line(struct log_tail *tail, struct bytes *ret, uint64_t *ret_offset)
{
    size_t end = tail->size - 1; /* of the newline that closes the line */
    const uint8_t *newline = end == 0 ? NULL : memrchr(tail->window, '\n', end);
    size_t start = newline == NULL ? 0 : (size_t)(newline - tail->window) + 1;

    if (newline == NULL && tail->begin > 0)
        return false;
    *ret = (struct bytes){ .data = tail->window + start, .size = end - start };
    *ret_offset = tail->begin + start;
    tail->size = start;
    return true;
}

/* What follows the last newline of the file is no line yet. */
static void drop_unfinished(struct log_tail *tail)
{
    const uint8_t *newline = memrchr(tail->window, '\n', tail->size);

    tail->has_end = newline != NULL;
    tail->size = newline == NULL ? 0 : (size_t)(newline - tail->window) + 1;
    tail->end = tail->begin + tail->size;
}

/* Nothing further back can matter. */
static bool is_settled(const struct log_tail *tail)
{
    if (!tail->has_end || !has_enough(tail))
        return false;
    for (size_t i = 0; i < LOG_CHANNEL_COUNT; i++) {
        if (tail->channels[i].has_any && !tail->channels[i].is_bounded)
            return tail->searched > SEARCH_MAX;
    }
    return true;
}

static void look_at_window(struct log_tail *tail)
{
    struct container_log_line line;
    struct bytes raw;
    uint64_t offset;

    if (!tail->has_end)
        drop_unfinished(tail);
    while (tail->size > 0 && !is_settled(tail) && take_last_line(tail, &raw, &offset)) {
        if (has_enough(tail))
            tail->searched += raw.size;
        if (log_line_parse(raw, &line) >= 0)
            look_at_part(tail, &line, offset);
    }
    /* conmon writes no line that long: let only its newline stand. */
    if (tail->size > LOG_LINE_MAX + BLOCK_SIZE)
        tail->size = 1;
}

int log_tail_step(struct log_tail *tail, bool *ret_is_done, struct error *err)
{
    int r;

    *ret_is_done = tail->begin == 0 || is_settled(tail);
    if (*ret_is_done)
        return 0;
    r = read_block(tail, err);
    if (r < 0)
        return r;
    look_at_window(tail);
    *ret_is_done = tail->begin == 0 || is_settled(tail);
    return 0;
}

uint64_t log_tail_offset(const struct log_tail *tail)
{
    uint64_t offset = tail->end;

    for (size_t i = 0; i < LOG_CHANNEL_COUNT; i++) {
        if (tail->channels[i].has_any && tail->channels[i].first < offset)
            offset = tail->channels[i].first;
    }
    return offset;
}

bool log_tail_wants(const struct log_tail *tail, uint32_t channel, uint64_t offset)
{
    const struct log_tail_channel *of = &tail->channels[channel - 1];

    return offset >= tail->end || (of->has_any && offset >= of->first);
}
