/*
 * What happens at the points of worker/io/kill_point.h in the program that has them:
 *
 *     GANTRY_KILL_AT=POINT        the worker kills itself there with SIGKILL
 *     GANTRY_KILL_POINTS_AT=PATH  each point is told to the unix socket at PATH ("point POINT
 *                                 CONTAINER"), and the worker goes on when it gets a word back; who
 *                                 listens there may kill whomever it likes meanwhile
 */
#include "worker/io/kill_point.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define POINT_SIZE 128

static int dial(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("kill points");
        abort();
    }
    return fd;
}

/* Points lie on the loop's thread. When nobody listens any more the test is over. */
static void tell(const char *path, const char *point, const char *container)
{
    static int fd = -1;
    char text[POINT_SIZE + 128];
    char answer;
    int size;

    if (fd < 0)
        fd = dial(path);
    size = snprintf(text, sizeof(text), "point %s %s", point, container == NULL ? "-" : container);
    if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != size || recv(fd, &answer, 1, 0) != 1)
        (void)raise(SIGKILL);
}

void kill_point(const char *when, const char *what, const char *container)
{
    const char *wanted = getenv("GANTRY_KILL_AT");
    const char *path = getenv("GANTRY_KILL_POINTS_AT");
    char here[POINT_SIZE];

    (void)snprintf(here, sizeof(here), "%s:%s", when, what);
    if (wanted != NULL && strcmp(wanted, here) == 0)
        (void)raise(SIGKILL);
    if (path != NULL)
        tell(path, here, container);
}

void kill_point_stage(const char *when, const char *what, size_t stage, const char *container)
{
    char name[POINT_SIZE / 2];

    (void)snprintf(name, sizeof(name), "%s.%zu", what, stage);
    kill_point(when, name, container);
}
