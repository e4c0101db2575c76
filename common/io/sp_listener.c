/* A listening socket of sp; see the header. */
#include "common/io/sp_listener.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/mem.h"

#define BACKLOG   1024
#define HOST_MAX  256
#define PAUSE_MS  100 /* without descriptors, until accepting is tried again */
#define PORT_TEXT 6

struct sp_listener {
    enum sp_transport transport;
    struct evconnlistener *socket;
    struct event *pause; /* ends the breath */
    char *path;          /* of a unix socket; NULL: none */
    dev_t path_device;   /* which file is ours */
    ino_t path_inode;
    uint16_t port;
    sp_accept_fn *on_accept;
    void *owner;
};

static const struct {
    const char *prefix;
    enum sp_transport transport;
} schemes[] = {
    { "tcp://", SP_TCP },
    { "tls+tcp://", SP_TLS },
    { "unix://", SP_UNIX },
};

/* Returns what follows the scheme; NULL for an unknown one. */
static const char *parse_scheme(const char *url, enum sp_transport *ret)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        size_t length = strlen(schemes[i].prefix);

        if (strncmp(url, schemes[i].prefix, length) == 0) {
            *ret = schemes[i].transport;
            return url + length;
        }
    }
    return NULL;
}

/* HOST:PORT or [HOST]:PORT; an empty host or `*` becomes "". */
static int parse_host_port(const char *text, char host[static HOST_MAX], const char **ret_port,
                           struct error *err)
{
    const char *colon = strrchr(text, ':');
    const char *first = text;
    size_t length;

    if (colon == NULL)
        return error_set(err, -EINVAL, "no port");
    length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
        first++;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return error_set(err, -EINVAL, "an address with colons needs [brackets]");
    }
    if (length >= HOST_MAX || strlen(colon + 1) >= PORT_TEXT || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return error_set(err, -EINVAL, "not a host and a port");
    if (length == 1 && *first == '*')
        length = 0;
    memcpy(host, first, length);
    host[length] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int resolve(const char *text, struct addrinfo **ret, struct error *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    char host[HOST_MAX];
    const char *port = NULL;
    int r;

    r = parse_host_port(text, host, &port, err);
    if (r < 0)
        return r;
    r = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, ret);
    if (r != 0)
        return error_set(err, -EINVAL, "%s", gai_strerror(r));
    return 0;
}

static int bind_tcp(const struct addrinfo *address, int *ret, struct error *err)
{
    autoclose int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;

    if (fd < 0)
        return error_set_errno(err, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0)
        return error_set_errno(err, "bind");
    *ret = steal_fd(&fd);
    return 0;
}

/* The first address of the host that can be bound. */
static int open_tcp(const char *text, int *ret, struct error *err)
{
    struct addrinfo *addresses;
    int r;

    r = resolve(text, &addresses, err);
    if (r < 0)
        return r;
    r = -EADDRNOTAVAIL;
    for (const struct addrinfo *address = addresses; address != NULL && r < 0;
         address = address->ai_next)
        r = bind_tcp(address, ret, err);
    freeaddrinfo(addresses);
    return r;
}

/* A socket file that nobody serves is a dead server's: remove it. */
static int remove_stale(const struct sockaddr_un *address, struct error *err)
{
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct stat status;

    if (fd < 0)
        return error_set_errno(err, "socket");
    if (lstat(address->sun_path, &status) < 0)
        return errno == ENOENT ? 0 : error_set_errno(err, "look at it");
    if (!S_ISSOCK(status.st_mode))
        return error_set(err, -EEXIST, "something that is no socket is in the way");
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
        return error_set(err, -EADDRINUSE, "somebody serves it");
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return error_set_errno(err, "remove the old socket");
    return 0;
}

/* The mode is set before bind, so that it is never wider, and after, when the umask took of it. */
static int bind_unix(const struct sockaddr_un *address, mode_t mode, int *ret, struct error *err)
{
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_set_errno(err, "socket");
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return error_set_errno(err, "bind");
    if (chmod(address->sun_path, mode) < 0)
        return error_set_errno(err, "chmod");
    *ret = steal_fd(&fd);
    return 0;
}

static int open_unix(struct sp_listener *listener, const char *path, mode_t mode, int *ret,
                     struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat status;
    int r;

    if (path[0] != '/')
        return error_set(err, -EINVAL, "a unix socket needs an absolute path");
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(err, -ENAMETOOLONG, "the path of a unix socket has at most %zu bytes",
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    r = remove_stale(&address, err);
    if (r == 0)
        r = bind_unix(&address, mode, ret, err);
    if (r < 0)
        return r;
    listener->path = mem_dup_text(path);
    if (lstat(path, &status) == 0) {
        listener->path_device = status.st_dev;
        listener->path_inode = status.st_ino;
    }
    return 0;
}

static void on_accepted(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *address,
                        int size, void *arg)
{
    struct sp_listener *listener = arg;

    (void)socket;
    (void)size;
    listener->on_accept(listener->owner, fd, address);
}

/* Out of descriptors or memory: the waiting connection would wake the loop again and again. */
static void on_accept_failed(struct evconnlistener *socket, void *arg)
{
    const struct timeval breath = { .tv_usec = PAUSE_MS * 1000 };
    struct sp_listener *listener = arg;

    (void)evconnlistener_disable(socket);
    (void)event_add(listener->pause, &breath);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct sp_listener *listener = arg;

    (void)fd;
    (void)what;
    (void)evconnlistener_enable(listener->socket);
}

/* `fd` is consumed either way. */
static int start(struct sp_listener *listener, struct event_base *loop, int fd, struct error *err)
{
    autoclose int owned = fd;

    if (listen(owned, BACKLOG) < 0)
        return error_set_errno(err, "listen");
    listener->pause = event_new(loop, -1, 0, on_pause_over, listener);
    listener->socket = evconnlistener_new(loop, on_accepted, listener,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, owned);
    if (listener->pause == NULL || listener->socket == NULL)
        return error_set(err, -ENOMEM, "no event for it");
    (void)steal_fd(&owned);
    evconnlistener_set_error_cb(listener->socket, on_accept_failed);
    return 0;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}

int sp_listener_new(const struct sp_listener_setup *setup, const char *url,
                    struct sp_listener **ret, struct error *err)
{
    autodestroy(sp_listener) struct sp_listener *listener = mem_new(struct sp_listener);
    const char *rest = parse_scheme(url, &listener->transport);
    int fd = -1;
    int r;

    listener->on_accept = setup->on_accept;
    listener->owner = setup->owner;
    if (rest == NULL)
        r = error_set(err, -EINVAL, "neither tcp://, tls+tcp:// nor unix://");
    else if (listener->transport == SP_UNIX)
        r = open_unix(listener, rest, setup->unix_mode, &fd, err);
    else
        r = open_tcp(rest, &fd, err);
    if (r == 0) {
        listener->port = bound_port(fd);
        r = start(listener, setup->loop, fd, err);
    }
    if (r < 0)
        return error_add_context(err, r, "listen on %s", url);
    *ret = steal_ptr(listener);
    return 0;
}

static void remove_path(const struct sp_listener *listener)
{
    struct stat status;

    if (listener->path != NULL && lstat(listener->path, &status) == 0 &&
        status.st_dev == listener->path_device && status.st_ino == listener->path_inode)
        (void)unlink(listener->path);
}

void sp_listener_destroy(struct sp_listener *listener)
{
    if (listener == NULL)
        return;
    remove_path(listener);
    if (listener->socket != NULL)
        evconnlistener_free(listener->socket);
    if (listener->pause != NULL)
        event_free(listener->pause);
    free(listener->path);
    free(listener);
}

enum sp_transport sp_listener_transport(const struct sp_listener *listener)
{
    return listener->transport;
}

uint16_t sp_listener_port(const struct sp_listener *listener)
{
    return listener->port;
}
