/* Calls of OCI runtimes; see the header. */
#include "worker/io/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/runtime_text.h"

#define OUTPUT_MAX     65536
#define WAITING_MAX    65536
#define CALLS_PER_CORE 2
#define CALLS_MORE     2

const char *const runtime_names[RUNTIME_COUNT] = { "crun", "runc" };

/* What a runtime keeps in its directory of a container and no other does. */
static const char *const state_files[RUNTIME_COUNT] = { "status", "state.json" };

struct runtime_call {
    struct runtimes *runtimes;
    struct child *child; /* while it runs */
    char *path;
    char *words[RUNTIME_WORDS_MAX];
    unsigned timeout_ms;
    runtime_done_fn *done;
    void *owner;
    struct gate_ticket ticket;
    LIST_ENTRY(runtime_call) link;
};

struct runtimes {
    struct event_base *loop;
    char *root;
    struct gate gate;
    LIST_HEAD(, runtime_call) calls;
};

struct runtimes *runtimes_new(struct event_base *loop, const char *root)
{
    struct runtimes *runtimes = mem_new(struct runtimes);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    runtimes->loop = loop;
    runtimes->root = mem_dup_text(root);
    gate_init(&runtimes->gate, (cores < 1 ? 1U : (unsigned)cores) * CALLS_PER_CORE + CALLS_MORE,
              WAITING_MAX);
    LIST_INIT(&runtimes->calls);
    return runtimes;
}

struct gate *runtimes_gate(struct runtimes *runtimes)
{
    return &runtimes->gate;
}

char *runtime_find_program(const char *name)
{
    static const char system_path[] =
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char *path = getenv("PATH");
    autofree char *directories = mem_text("%s:%s", path == NULL ? "" : path, system_path);
    char *rest = NULL;

    for (char *directory = strtok_r(directories, ":", &rest); directory != NULL;
         directory = strtok_r(NULL, ":", &rest)) {
        autofree char *program = mem_text("%s/%s", directory, name);

        if (directory[0] == '/' && access(program, X_OK) == 0)
            return steal_ptr(program);
    }
    return NULL;
}

static bool has_state_file(const struct runtimes *runtimes, const char *run_name, const char *file)
{
    autofree char *path = mem_text("%s/%s/%s", runtimes->root, run_name, file);

    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *runtimes_owner_of(const struct runtimes *runtimes, const char *run_name)
{
    for (size_t i = 0; i < RUNTIME_COUNT; i++) {
        if (has_state_file(runtimes, run_name, state_files[i]))
            return runtime_names[i];
    }
    return NULL;
}

bool runtimes_has_state(const struct runtimes *runtimes, const char *run_name)
{
    return has_state_file(runtimes, run_name, ".");
}

bool runtimes_waits_for_start(const struct runtimes *runtimes, const char *run_name)
{
    return has_state_file(runtimes, run_name, "exec.fifo");
}

static void free_call(struct runtime_call *call)
{
    for (size_t i = 0; i < RUNTIME_WORDS_MAX; i++)
        free(call->words[i]);
    free(call->path);
    free(call);
}

/* The end of a call. */
static void answer_call(struct runtime_call *call, const struct runtime_answer *answer)
{
    LIST_REMOVE(call, link);
    call->done(call->owner, answer);
    free_call(call);
}

void runtimes_close(struct runtimes *runtimes)
{
    struct runtime_call *call;

    gate_close(&runtimes->gate);
    while ((call = LIST_FIRST(&runtimes->calls)) != NULL) {
        gate_withdraw(&runtimes->gate, &call->ticket);
        child_destroy(call->child);
        LIST_REMOVE(call, link);
        free_call(call);
    }
}

void runtimes_destroy(struct runtimes *runtimes)
{
    if (runtimes == NULL)
        return;
    runtimes_close(runtimes);
    free(runtimes->root);
    free(runtimes);
}

static void answer_failure(struct runtime_call *call, int code, const char *why, const char *output)
{
    autofree char *text = mem_text("%s %s: %s", basename(call->path), call->words[0], why);
    struct runtime_answer answer = {
        .code = code,
        .failure = code == -EIO ? runtime_text_classify(why) : FAILURE_RUNTIME,
        .text = text,
        .output = output,
    };

    answer_call(call, &answer);
}

static void answer_result(struct runtime_call *call, const struct spawn_result *result)
{
    const char *output = result->output == NULL ? "" : result->output;
    autofree char *line = runtime_text_last_line(output);
    char why[64];

    if (result->failure < 0) {
        answer_failure(call, result->failure, "does not come to an end", output);
    } else if (WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0) {
        answer_call(call, &(struct runtime_answer){ .text = "", .output = output });
    } else if (line != NULL) {
        answer_failure(call, -EIO, line, output);
    } else {
        (void)snprintf(why, sizeof(why), "%s %d",
                       WIFEXITED(result->status) ? "exit status" : "killed by signal",
                       WIFEXITED(result->status) ? WEXITSTATUS(result->status)
                                                 : WTERMSIG(result->status));
        answer_failure(call, -EIO, why, output);
    }
}

static void on_child_ended(void *owner, const struct spawn_result *result)
{
    struct runtime_call *call = owner;

    gate_leave(&call->runtimes->gate);
    answer_result(call, result);
}

/* The log goes to nowhere as JSON: the runtime then says its plain sentence on stderr alone. */
static void on_enter(struct gate_ticket *ticket)
{
    struct runtime_call *call = container_of(ticket, struct runtime_call, ticket);
    struct runtimes *runtimes = call->runtimes;
    const char *argv[RUNTIME_WORDS_MAX + 7] = {
        call->path, "--root", runtimes->root, "--log", "/dev/null", "--log-format", "json",
    };
    struct spawn_request request = {
        .argv = argv,
        .directory = "/",
        .output_max = OUTPUT_MAX,
        .timeout_ms = call->timeout_ms,
    };
    struct error err = { 0 };

    for (size_t i = 0; i + 1 < RUNTIME_WORDS_MAX; i++)
        argv[7 + i] = call->words[i];
    if (spawn_start(runtimes->loop, &request, on_child_ended, call, &call->child, &err) >= 0)
        return;

    gate_leave(&runtimes->gate);
    answer_failure(call, err.code, err.text, "");
}

void runtimes_call(struct runtimes *runtimes, const struct runtime_request *request,
                   runtime_done_fn *done, void *owner)
{
    struct runtime_call *call = mem_new(struct runtime_call);
    struct error err = { 0 };

    call->runtimes = runtimes;
    call->path = mem_dup_text(request->path);
    for (size_t i = 0; i < RUNTIME_WORDS_MAX; i++)
        call->words[i] = mem_dup_text(request->words[i]);
    call->timeout_ms = request->timeout_ms;
    call->done = done;
    call->owner = owner;
    call->ticket.on_enter = on_enter;
    LIST_INSERT_HEAD(&runtimes->calls, call, link);

    if (gate_enter(&runtimes->gate, &call->ticket, &err) < 0)
        answer_failure(call, err.code, err.text, "");
}
