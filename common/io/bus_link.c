/* A socket of nng that dials one URL; see the header. */
#include "common/io/bus_link.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "common/mem.h"

#define CLOSE_WAIT_MS 2000

/* What the pipe callbacks of one socket hold on to. Lives until nng has closed the socket. */
struct pulse {
    pthread_mutex_t lock;
    struct bus_link *link; /* NULL once the link has left the socket */
};

struct bus_link {
    const struct bus_dial *dial; /* borrowed */
    const struct bus_link_handlers *handlers;
    void *owner;
    nng_socket socket;
    struct pulse *pulse; /* NULL: no new socket could be had, until the next try */
    unsigned connection; /* under the pulse's lock: how many there were */
    int pipe;            /* under the pulse's lock: nng's number of the one there is; 0: none */
    unsigned stale_ms;
    unsigned told; /* the connection that the owner knows of; 0: none */
    int bell_fd;
    struct event *bell;
    struct event *stale;
    bool is_busy;  /* a handler is on the stack */
    bool has_left; /* the connection that was told of, by itself */
    bool is_closed;
    bool is_dead; /* destroyed by a handler: freed when that returns */
};

/* --- on nng's threads */

void bus_link_ring(struct bus_link *link)
{
    (void)eventfd_write(link->bell_fd, 1);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev what, void *arg)
{
    struct pulse *pulse = arg;
    struct bus_link *link;
    int id = nng_pipe_id(pipe);

    (void)pthread_mutex_lock(&pulse->lock);
    link = pulse->link;
    if (link != NULL && what == NNG_PIPE_EV_ADD_PRE) {
        link->connection++;
        link->pipe = id;
        bus_link_ring(link);
    } else if (link != NULL && link->pipe == id) {
        link->pipe = 0;
        bus_link_ring(link);
    }
    (void)pthread_mutex_unlock(&pulse->lock);
}

unsigned bus_link_connection(struct bus_link *link)
{
    unsigned connection;

    (void)pthread_mutex_lock(&link->pulse->lock);
    connection = link->connection;
    (void)pthread_mutex_unlock(&link->pulse->lock);
    return connection;
}

/* --- closing a socket, which can last */

enum patience { WAIT_FOR_CLOSE, DO_NOT_WAIT };

struct closing {
    nng_socket socket;
    struct pulse *pulse;
    int done_fd; /* told when it is done; -1: nobody waits */
};

static void pulse_free(struct pulse *pulse)
{
    (void)pthread_mutex_destroy(&pulse->lock);
    free(pulse);
}

static void closing_free(struct closing *closing)
{
    if (closing->done_fd >= 0)
        (void)close(closing->done_fd);
    free(closing);
}

static void *close_socket(void *arg)
{
    struct closing *closing = arg;

    (void)nng_close(closing->socket);
    pulse_free(closing->pulse);
    if (closing->done_fd >= 0)
        (void)eventfd_write(closing->done_fd, 1);
    closing_free(closing);
    return NULL;
}

/* Threads that are made in between take no signal: they are for the loop. */
static void block_signals(sigset_t *ret_before)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static void unblock_signals(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int start_closing(struct closing *closing)
{
    pthread_attr_t detached;
    pthread_t thread;
    sigset_t before;
    int r;

    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    block_signals(&before);
    r = pthread_create(&thread, &detached, close_socket, closing);
    unblock_signals(&before);
    (void)pthread_attr_destroy(&detached);
    return -r;
}

static bool has_ended(int done_fd, int wait_ms)
{
    struct pollfd done = { .fd = done_fd, .events = POLLIN };
    int r;

    do {
        r = poll(&done, 1, wait_ms);
    } while (r < 0 && errno == EINTR);
    return r == 1;
}

/* A hanging nng_close means that nng's reaper hangs: no other one will end either. */
static atomic_bool is_wedged;

/* Returns whether nng is done with it. */
static bool leave_socket(nng_socket socket, struct pulse *pulse, enum patience patience)
{
    autoclose int done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct closing *closing = mem_new(struct closing);
    bool is_waiting = patience == WAIT_FOR_CLOSE && !atomic_load(&is_wedged) && done_fd >= 0;

    (void)pthread_mutex_lock(&pulse->lock);
    pulse->link = NULL;
    (void)pthread_mutex_unlock(&pulse->lock);
    *closing = (struct closing){ .socket = socket,
                                 .pulse = pulse,
                                 .done_fd = is_waiting ? fcntl(done_fd, F_DUPFD_CLOEXEC, 0) : -1 };
    if (start_closing(closing) < 0) {
        closing_free(closing);
        return false;
    }
    if (!is_waiting)
        return false;
    if (has_ended(done_fd, CLOSE_WAIT_MS))
        return true;
    atomic_store(&is_wedged, true);
    return false;
}

/* --- opening */

static int start_dialing(const struct bus_link *link, nng_socket socket, struct pulse *pulse)
{
    int r;

    if ((r = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, on_pipe, pulse)) != 0 ||
        (r = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, pulse)) != 0)
        return r;
    return bus_dial_start(link->dial, socket);
}

static int open_socket(struct bus_link *link, nng_socket *ret, struct pulse **ret_pulse,
                       struct error *err)
{
    struct pulse *pulse;
    nng_socket socket;
    sigset_t before;
    int r;

    block_signals(&before);
    r = link->handlers->open(&socket); /* the first one starts nng's threads */
    unblock_signals(&before);
    if (r != 0)
        return error_set(err, bus_dial_errno(r), "%s", nng_strerror(r));
    pulse = mem_new(struct pulse);
    (void)pthread_mutex_init(&pulse->lock, NULL);
    pulse->link = link;
    *ret = socket;
    *ret_pulse = pulse;
    return 0;
}

static int enter_socket(struct bus_link *link, struct error *err)
{
    int r;

    link->pulse = NULL;
    r = open_socket(link, &link->socket, &link->pulse, err);
    if (r < 0)
        return r;
    r = start_dialing(link, link->socket, link->pulse);
    if (r == 0)
        return 0;
    (void)leave_socket(link->socket, link->pulse, WAIT_FOR_CLOSE);
    link->pulse = NULL;
    return error_set(err, bus_dial_errno(r), "%s", nng_strerror(r));
}

/* --- on the loop */

/* Have the socket replaced, unless a connection or trust comes first. */
static void arm(struct bus_link *link, unsigned after_ms)
{
    const struct timeval after = { .tv_sec = after_ms / 1000,
                                   .tv_usec = (suseconds_t)(after_ms % 1000) * 1000 };

    (void)event_add(link->stale, &after);
}

static void link_free(struct bus_link *link)
{
    if (link->bell != NULL)
        event_free(link->bell);
    if (link->stale != NULL)
        event_free(link->stale);
    if (link->bell_fd >= 0)
        (void)close(link->bell_fd);
    free(link);
}

static void link_enter(struct bus_link *link)
{
    assert(!link->is_busy);
    link->is_busy = true;
}

static void link_leave(struct bus_link *link)
{
    link->is_busy = false;
    if (link->is_dead)
        link_free(link);
}

/* 0: none. */
static unsigned current_connection(const struct bus_link *link)
{
    unsigned now = 0;

    if (link->pulse == NULL)
        return 0;
    (void)pthread_mutex_lock(&link->pulse->lock);
    if (link->pipe != 0)
        now = link->connection;
    (void)pthread_mutex_unlock(&link->pulse->lock);
    return now;
}

/* Tell of a lost connection, then of the one there is. */
static void tell(struct bus_link *link)
{
    unsigned now = current_connection(link);

    if (now == link->told)
        return;
    if (link->told != 0) {
        link->told = 0;
        arm(link, link->stale_ms);
        if (!link->has_left && link->handlers->on_broken != NULL)
            link->handlers->on_broken(link->owner);
        link->handlers->on_connected(link->owner, false);
    }
    link->has_left = false;
    if (now != 0 && !link->is_closed) {
        link->told = now;
        (void)event_del(link->stale);
        link->handlers->on_connected(link->owner, true);
    }
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    struct bus_link *link = arg;
    eventfd_t count;

    (void)what;
    (void)eventfd_read(fd, &count);
    link_enter(link);
    tell(link); /* first: what rings may have come over a connection that nobody knows of yet */
    if (!link->is_closed)
        link->handlers->on_ring(link->owner);
    link_leave(link);
}

/* -EIO and worse: there is no socket until the next try, when the link is stale again. */
static int renew(struct bus_link *link)
{
    link->handlers->on_leave(link->owner);
    if (link->pulse != NULL)
        (void)leave_socket(link->socket, link->pulse, DO_NOT_WAIT);
    link->pipe = 0;
    link->has_left = true;
    arm(link, link->stale_ms);
    return enter_socket(link, NULL);
}

void bus_link_renew(struct bus_link *link)
{
    (void)renew(link);
    bus_link_ring(link); /* the lost connection is told by the loop */
}

void bus_link_suspect(struct bus_link *link)
{
    if (link->told != 0 && event_pending(link->stale, EV_TIMEOUT, NULL) == 0)
        arm(link, BUS_LINK_SUSPECT_MS);
}

void bus_link_trust(struct bus_link *link)
{
    if (link->told != 0)
        (void)event_del(link->stale);
}

/* nng may have given up on its dialer: start over with another socket. */
static void on_stale(evutil_socket_t fd, short what, void *arg)
{
    struct bus_link *link = arg;

    (void)fd;
    (void)what;
    link_enter(link);
    if (renew(link) == 0)
        link->handlers->on_enter(link->owner);
    if (!link->is_closed)
        tell(link);
    link_leave(link);
}

static int start(struct bus_link *link, struct event_base *loop, struct error *err)
{
    link->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (link->bell_fd < 0)
        return error_set_errno(err, "eventfd");
    link->bell = event_new(loop, link->bell_fd, EV_READ | EV_PERSIST, on_bell, link);
    link->stale = event_new(loop, -1, 0, on_stale, link);
    if (link->bell == NULL || link->stale == NULL || event_add(link->bell, NULL) < 0)
        return error_set(err, -ENOMEM, "no event for it");
    arm(link, link->stale_ms);
    return enter_socket(link, err);
}

int bus_link_open(struct event_base *loop, const struct bus_dial *dial,
                  const struct bus_link_handlers *handlers, void *owner, struct bus_link **ret,
                  struct error *err)
{
    struct bus_link *link = mem_new(struct bus_link);
    int r;

    link->handlers = handlers;
    link->owner = owner;
    link->bell_fd = -1;
    link->stale_ms = BUS_LINK_STALE_MS;
    link->dial = dial;
    r = start(link, loop, err);
    if (r < 0) {
        link_free(link);
        return r;
    }
    *ret = link;
    return 0;
}

void bus_link_set_stale_ms(struct bus_link *link, unsigned stale_ms)
{
    link->stale_ms = stale_ms;
    if (link->told == 0)
        arm(link, link->stale_ms);
}

bool bus_link_close(struct bus_link *link)
{
    (void)event_del(link->bell);
    (void)event_del(link->stale);
    link->is_closed = true;
    return link->pulse == NULL || leave_socket(link->socket, link->pulse, WAIT_FOR_CLOSE);
}

void bus_link_destroy(struct bus_link *link)
{
    link->is_dead = true;
    if (!link->is_busy)
        link_free(link);
}

nng_socket bus_link_socket(const struct bus_link *link)
{
    return link->socket;
}
