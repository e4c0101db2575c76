/*
 * An OCI runtime that lets itself be killed: under its name (runc, crun) this program stands in
 * front of the real one in the worker's PATH. For each call about a run of a container it tells
 * the unix socket "points.sock" in its directory ("runtime VERB RUN PID PARENT"), and becomes the
 * real runtime when it gets a word back: its pid is the runtime's.
 *
 * The small containers that probe a runtime end at once: they are tested elsewhere, and every
 * worker that is started runs some.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROBE "gantry-probe-"

static const char *const verbs[] = {
    "create", "start", "kill", "delete", "pause", "resume", "state", "update", "run",
};

static const char *verb_of(char **argv)
{
    for (char **word = argv + 1; *word != NULL; word++) {
        for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
            if (strcmp(*word, verbs[i]) == 0)
                return verbs[i];
        }
    }
    return NULL;
}

/* "<64 digits>-<run>", the last word but for a signal. */
static const char *run_of(char **argv)
{
    for (char **word = argv + 1; *word != NULL; word++) {
        if (strspn(*word, "0123456789abcdef") == 64 && (*word)[64] == '-')
            return *word;
    }
    return NULL;
}

static void wait_for_word(const char *directory, const char *verb, const char *run)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    char text[256];
    char answer;
    int size = snprintf(text, sizeof(text), "runtime %s %s %d %d", verb, run, (int)getpid(),
                        (int)getppid());

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/points.sock", directory);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, text, (size_t)size, MSG_NOSIGNAL) == size)
        (void)recv(fd, &answer, 1, 0);
}

static bool is_probe(char **argv)
{
    for (char **word = argv + 1; *word != NULL; word++) {
        if (strncmp(*word, PROBE, strlen(PROBE)) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char *const directories[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                               "/usr/bin" };
    char here[4096] = { 0 };
    const char *verb = verb_of(argv);
    const char *run = run_of(argv);
    char *name;

    (void)argc;
    if (readlink("/proc/self/exe", here, sizeof(here) - 1) < 0)
        return EXIT_FAILURE;
    name = strrchr(here, '/');
    *name++ = '\0';
    if (is_probe(argv))
        return EXIT_SUCCESS;
    if (verb != NULL && run != NULL)
        wait_for_word(here, verb, run);
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        char path[4096 + 64];

        (void)snprintf(path, sizeof(path), "%s/%s", directories[i], name);
        (void)execv(path, argv);
    }
    perror(name);
    return EXIT_FAILURE;
}
