/* gantry-worker: the options, the signals, and the loop. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/id.h"
#include "common/io/descriptors.h"
#include "common/io/log.h"
#include "common/io/notify.h"
#include "common/io/options.h"
#include "common/mem.h"
#include "worker/worker.h"

/* clang-format off */
static const struct option_row option_rows[] = {
    { "broker", "URL", "of the broker: unix:///PATH, tcp://HOST:PORT, tls+tcp://HOST:PORT",
      false, "unix:///run/gantry/broker.sock" },
    { "host", "NAME", "of this host in the fleet; its host name when nobody says one",
      false, NULL },
    { "state", "DIR", "what survives a reboot: the journal, bundles, logs",
      false, "/var/lib/gantry/worker" },
    { "run", "DIR", "what does not: pid files, exit files, the runtime's state",
      false, "/run/gantry/worker" },
    { "runtime", "NAME", "crun or runc, for containers that choose none; else what works",
      false, NULL },
    { "journal-events", "NUMBER", "of events that no broker has taken, at which no more commands are",
      false, "1000000" },
    { "tls-certificate", "FILE", "PEM, of this worker", false, NULL },
    { "tls-key", "FILE", "PEM, of this worker", false, NULL },
    { "tls-authority", "FILE", "PEM, that signed the broker's certificate", false, NULL },
    { "tls-server-name", "NAME", "in the broker's certificate; else the host of its URL",
      false, NULL },
    { "log-level", "LEVEL", "debug, info, warning or error", false, "info" },
};
/* clang-format on */

#define DEFAULT_FILE "/etc/gantry/worker.conf"

struct program {
    struct event_base *loop;
    struct option_set *options;
    struct worker_options worker_options;
    struct bus_tls tls;
    char host[HOST_NAME_MAX + 1];
    struct worker *worker;
    struct event *on_term;
    struct event *on_int;
    int exit_code;
};

static int read_host(struct program *program, struct error *err)
{
    const char *name = options_get(program->options, "host");

    if (name == NULL) {
        if (gethostname(program->host, sizeof(program->host) - 1) < 0)
            return error_set_errno(err, "name of this host");
        name = program->host;
    }
    if (!name_is_valid(name))
        return error_set(err, -EINVAL,
                         "--host %s: a name has letters, digits, '_', '.' and '-', and begins with "
                         "a letter or digit",
                         name);
    program->worker_options.host = name;
    return 0;
}

static int read_tls(struct program *program, struct error *err)
{
    struct option_set *set = program->options;
    unsigned count;

    program->tls = (struct bus_tls){
        .certificate = options_get(set, "tls-certificate"),
        .key = options_get(set, "tls-key"),
        .authority = options_get(set, "tls-authority"),
        .server_name = options_get(set, "tls-server-name"),
    };
    count = (unsigned)(program->tls.certificate != NULL) + (program->tls.key != NULL) +
            (program->tls.authority != NULL);
    if (count == 0)
        return 0;
    if (count < 3)
        return error_set(err, -EINVAL,
                         "--tls-certificate, --tls-key and --tls-authority go together");
    program->worker_options.tls = &program->tls;
    return 0;
}

static int read_journal_events(struct program *program, struct error *err)
{
    const char *text = options_get(program->options, "journal-events");
    char *end = NULL;
    unsigned long long number;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (*text < '1' || *text > '9' || errno != 0 || *end != '\0')
        return error_set(err, -EINVAL, "--journal-events %s: give a number from 1 on", text);
    program->worker_options.journal_events_max = number;
    return 0;
}

static int read_options(struct program *program, struct error *err)
{
    struct option_set *set = program->options;
    enum log_level level;
    int r;

    if (log_parse_level(options_get(set, "log-level"), &level) < 0)
        return error_set(err, -EINVAL, "--log-level %s: there is no such level",
                         options_get(set, "log-level"));
    log_set_level(level);
    r = read_host(program, err);
    if (r == 0)
        r = read_tls(program, err);
    if (r == 0)
        r = read_journal_events(program, err);
    program->worker_options.broker_url = options_get(set, "broker");
    program->worker_options.state_directory = options_get(set, "state");
    program->worker_options.run_directory = options_get(set, "run");
    program->worker_options.runtime = options_get(set, "runtime");
    return r;
}

static void on_stopped(void *owner, enum worker_exit why)
{
    struct program *program = owner;

    program->exit_code = (int)why;
    (void)event_base_loopbreak(program->loop);
}

static void on_ready(void *owner)
{
    struct program *program = owner;
    const struct worker_options *options = &program->worker_options;

    log_info("worker.ready", "host=%s broker=%s state=%s run=%s", options->host,
             options->broker_url, options->state_directory, options->run_directory);
    notify_send("READY=1");
}

static const struct worker_events worker_events = { .on_stopped = on_stopped,
                                                    .on_ready = on_ready };

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct program *program = arg;

    (void)what;
    log_info("worker.signal", "signal=%d", (int)number);
    worker_stop(program->worker, WORKER_EXIT_ASKED);
}

static int start(struct program *program, struct error *err)
{
    program->loop = event_base_new();
    if (program->loop == NULL)
        return error_set(err, -ENOMEM, "make the event loop");
    program->on_term = evsignal_new(program->loop, SIGTERM, on_signal, program);
    program->on_int = evsignal_new(program->loop, SIGINT, on_signal, program);
    if (program->on_term == NULL || program->on_int == NULL)
        return error_set(err, -ENOMEM, "listen to signals");
    (void)evsignal_add(program->on_term, NULL);
    (void)evsignal_add(program->on_int, NULL);
    return worker_new(program->loop, &program->worker_options, &worker_events, program,
                      &program->worker, err);
}

static void finish(struct program *program)
{
    worker_destroy(program->worker);
    if (program->on_term != NULL)
        event_free(program->on_term);
    if (program->on_int != NULL)
        event_free(program->on_int);
    if (program->loop != NULL)
        event_base_free(program->loop);
    options_destroy(program->options);
}

static int run(struct program *program, int argc, char **argv, struct error *err)
{
    int r = options_parse("gantry-worker", "carries out the containers of one host", option_rows,
                          sizeof(option_rows) / sizeof(option_rows[0]), DEFAULT_FILE, argc, argv,
                          &program->options, err);

    if (r != 0)
        return r;
    r = read_options(program, err);
    if (r == 0)
        r = start(program, err);
    if (r < 0)
        return r;
    (void)event_base_dispatch(program->loop);
    return 0;
}

int main(int argc, char **argv)
{
    struct program program = { 0 };
    struct error err = { 0 };
    int r;

    (void)signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    r = run(&program, argc, argv, &err);
    if (r < 0)
        (void)fprintf(stderr, "gantry-worker: %s\n", err.text);
    finish(&program);
    return r < 0 ? EXIT_FAILURE : program.exit_code;
}
