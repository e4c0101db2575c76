/* What skopeo says; see the header. Also the streams of kind "progress". */
#include "worker/pull_progress.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "worker/stream_source.h"

#define READ_SIZE 4096

/* A pull that goes on. */
struct pull {
    TAILQ_ENTRY(pull) link;
    struct pull_progress *progress;
    uint64_t pos;
    int fd; /* to read from */
    struct event *readable;
    struct buffer text; /* its last bytes */
    uint64_t total;     /* bytes that there have been */
};

/* A console that follows one, or waits for its beginning. */
struct follower {
    TAILQ_ENTRY(follower) link;
    struct pull_progress *progress;
    uint64_t pos;
    uint64_t given; /* bytes of the pull's */
    bool is_paused;
    bool is_over; /* and `on_end` is still owed */
    const struct stream_events *events;
    void *owner;
};

struct pull_progress {
    struct event_base *loop;
    TAILQ_HEAD(, pull) pulls;
    TAILQ_HEAD(, follower) followers;
};

static struct pull *find_pull(const struct pull_progress *progress, uint64_t pos)
{
    struct pull *pull;

    TAILQ_FOREACH(pull, &progress->pulls, link)
    {
        if (pull->pos == pos)
            return pull;
    }
    return NULL;
}

/* All that it has not had and that is still there, in one piece. */
static void give(struct follower *follower, const struct pull *pull)
{
    uint64_t missing = pull->total - follower->given;
    size_t size = missing < pull->text.size ? (size_t)missing : pull->text.size;
    const struct stream_chunk chunk = {
        .channel = STDERR_FILENO,
        .data = bytes_at(pull->text.data + (pull->text.size - size), size),
    };

    if (follower->is_paused || size == 0)
        return;
    follower->given = pull->total;
    follower->events->on_chunk(follower->owner, &chunk);
    follower->events->on_drained(follower->owner);
}

static void follower_end(struct follower *follower)
{
    if (follower->is_over)
        return;
    follower->is_over = true;
    follower->events->on_end(follower->owner, NULL);
}

/* --- pulls */

static void keep(struct pull *pull, const char *bytes, size_t size)
{
    struct buffer *text = &pull->text;
    size_t all = text->size + size;

    if (all > PULL_PROGRESS_BYTES_MAX) {
        size_t cut = all - PULL_PROGRESS_BYTES_MAX;

        memmove(text->data, text->data + cut, text->size - cut);
        text->size -= cut;
    }
    buffer_append(text, bytes, size);
    pull->total += size;
}

static void take_words(struct pull *pull)
{
    struct follower *follower;
    char bytes[READ_SIZE];
    ssize_t size;

    _Static_assert(READ_SIZE <= PULL_PROGRESS_BYTES_MAX, "a reading fits");
    while ((size = read(pull->fd, bytes, sizeof(bytes))) > 0)
        keep(pull, bytes, (size_t)size);
    if (size == 0)
        (void)event_del(pull->readable); /* its writers have gone: nothing more comes */
    TAILQ_FOREACH(follower, &pull->progress->followers, link)
    {
        if (follower->pos == pull->pos)
            give(follower, pull);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *owner)
{
    (void)fd;
    (void)what;
    take_words(owner);
}

static void pull_free(struct pull *pull)
{
    TAILQ_REMOVE(&pull->progress->pulls, pull, link);
    if (pull->readable != NULL)
        event_free(pull->readable);
    (void)close(pull->fd);
    buffer_done(&pull->text);
    free(pull);
}

int pull_progress_begin(struct pull_progress *progress, uint64_t pos)
{
    struct pull *pull;
    int ends[2];

    if (find_pull(progress, pos) != NULL || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    pull = mem_new(struct pull);
    pull->progress = progress;
    pull->pos = pos;
    pull->fd = ends[0];
    TAILQ_INSERT_TAIL(&progress->pulls, pull, link);
    pull->readable = event_new(progress->loop, ends[0], EV_READ | EV_PERSIST, on_readable, pull);
    if (pull->readable != NULL && event_add(pull->readable, NULL) == 0)
        return ends[1];
    pull_free(pull);
    (void)close(ends[1]);
    return -1;
}

void pull_progress_end(struct pull_progress *progress, uint64_t pos)
{
    struct pull *pull = find_pull(progress, pos);
    struct follower *follower;

    if (pull != NULL)
        take_words(pull);
    TAILQ_FOREACH(follower, &progress->followers, link)
    {
        if (follower->pos == pos)
            follower_end(follower);
    }
    if (pull != NULL)
        pull_free(pull);
}

void pull_progress_settle(struct pull_progress *progress,
                          bool (*is_open)(void *owner, uint64_t pos), void *owner)
{
    struct follower *follower;

    TAILQ_FOREACH(follower, &progress->followers, link)
    {
        if (find_pull(progress, follower->pos) == NULL && !is_open(owner, follower->pos))
            follower_end(follower);
    }
}

struct pull_progress *pull_progress_new(struct event_base *loop)
{
    struct pull_progress *progress = mem_new(struct pull_progress);

    progress->loop = loop;
    TAILQ_INIT(&progress->pulls);
    TAILQ_INIT(&progress->followers);
    return progress;
}

void pull_progress_destroy(struct pull_progress *progress)
{
    struct pull *pull;

    if (progress == NULL)
        return;
    while ((pull = TAILQ_FIRST(&progress->pulls)) != NULL)
        pull_free(pull);
    free(progress);
}

/* --- streams of kind "progress" */

static void progress_close(void *source)
{
    struct follower *follower = source;

    TAILQ_REMOVE(&follower->progress->followers, follower, link);
    free(follower);
}

static int progress_open(const struct stream_surroundings *surroundings,
                         const struct stream_open *open, const struct stream_events *events,
                         void *owner, void **ret, struct error *err)
{
    struct pull_progress *progress = surroundings->progress;
    const struct pull *pull = find_pull(progress, open->pos);
    struct follower *follower;

    if (pull == NULL && !surroundings->is_open(surroundings->owner, open->pos))
        return error_set(err, -ENOENT, "the command at %llu is not under way on this host",
                         (unsigned long long)open->pos);
    follower = mem_new(struct follower);
    follower->progress = progress;
    follower->pos = open->pos;
    follower->events = events;
    follower->owner = owner;
    TAILQ_INSERT_TAIL(&progress->followers, follower, link);
    *ret = follower;
    if (pull != NULL)
        give(follower, pull);
    return 0;
}

static void progress_pause(void *source)
{
    struct follower *follower = source;

    follower->is_paused = true;
}

static void progress_resume(void *source)
{
    struct follower *follower = source;
    const struct pull *pull = find_pull(follower->progress, follower->pos);

    follower->is_paused = false;
    if (pull != NULL)
        give(follower, pull);
}

const struct stream_kind stream_progress = { .name = "progress",
                                             .open = progress_open,
                                             .pause = progress_pause,
                                             .resume = progress_resume,
                                             .close = progress_close };
