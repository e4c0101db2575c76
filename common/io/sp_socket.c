/* What sp asks of, and sets on, an accepted socket; see the header. */
#include "common/io/sp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>

#define KEEPALIVE_IDLE_S     10
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES     3
#define USER_TIMEOUT_MS      15000

/* Whoever is not known must never be taken for somebody: the kernel's "nobody", not root. */
#define UID_UNKNOWN 65534

static void identify_unix(int fd, struct sp_identity *ret, char *text)
{
    struct ucred peer = { .pid = 0, .uid = UID_UNKNOWN };
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        peer = (struct ucred){ .pid = 0, .uid = UID_UNKNOWN };
    ret->uid = peer.uid;
    ret->pid = (uint32_t)peer.pid;
    (void)snprintf(text, SP_ADDRESS_SIZE, "unix:pid=%u", ret->pid);
}

static void identify_v4(const struct sockaddr_in *address, struct sp_identity *ret, char *text)
{
    char host[INET_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
    ret->is_loopback = ntohl(address->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    (void)snprintf(text, SP_ADDRESS_SIZE, "%s:%u", host, ntohs(address->sin_port));
}

static void identify_v6(const struct sockaddr_in6 *address, struct sp_identity *ret, char *text)
{
    char host[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof(host));
    ret->is_loopback = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr) ||
                       (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr) &&
                        address->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    (void)snprintf(text, SP_ADDRESS_SIZE, "[%s]:%u", host, ntohs(address->sin6_port));
}

void sp_socket_identify(int fd, const struct sockaddr *address, struct sp_identity *ret,
                        char ret_text[static SP_ADDRESS_SIZE])
{
    if (address->sa_family == AF_INET)
        identify_v4((const struct sockaddr_in *)(const void *)address, ret, ret_text);
    else if (address->sa_family == AF_INET6)
        identify_v6((const struct sockaddr_in6 *)(const void *)address, ret, ret_text);
    else
        identify_unix(fd, ret, ret_text);
}

static void set_number(int fd, int level, int option, int number)
{
    (void)setsockopt(fd, level, option, &number, sizeof(number));
}

void sp_socket_set_tcp(int fd)
{
    set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

void sp_socket_ignore_broken_pipes(void)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };

    (void)sigaction(SIGPIPE, &ignore, NULL);
}
