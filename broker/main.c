/* gantry-broker: the options, the signals, and the loop. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <event2/event.h>

#include "broker/broker.h"
#include "broker/listen.h"
#include "broker/offline.h"
#include "common/io/descriptors.h"
#include "common/io/log.h"
#include "common/io/notify.h"
#include "common/io/options.h"
#include "common/io/sp.h"
#include "common/mem.h"
#include "common/quantity.h"

/* What has been answered last is given so long to reach its peers. */
#define FAREWELL_MS 100

/* For SP_PEERS_MAX, and for what else is open. */
#define DESCRIPTORS_WANTED (SP_PEERS_MAX + 1024)

/* clang-format off */
static const struct option_row option_rows[] = {
    { "state", "DIR", "where the log is kept", false, "/var/lib/gantry/broker" },
    { "listen", "URL", "for requests: unix:///PATH, tcp://ADDRESS:PORT, tls+tcp://ADDRESS:PORT",
      true, "unix:///run/gantry/broker.sock" },
    { "feed", "URL", "for followers: every record, once it is committed", false, NULL },
    { "tls-certificate", "FILE", "PEM, of this broker", false, NULL },
    { "tls-key", "FILE", "PEM, of this broker", false, NULL },
    { "tls-authority", "FILE", "PEM, that signed the certificates of all peers", false, NULL },
    { "insecure", NULL, "allow plain tcp beyond this machine: whoever reaches it is an admin",
      false, NULL },
    { "accept-journal", "HOST",
      "let a worker without its journal take over this host; its containers are forgotten",
      false, NULL },
    { "recover", NULL,
      "the log is lost, or older than what the workers know: let them tell what they still have",
      false, NULL },
    { "verify", NULL, "check the log in --state, which no broker serves, print what is wrong, and end",
      false, NULL },
    { "rebuild", NULL, "make the view of that log anew from its records, and end", false, NULL },
    { "backup", "FILE", "copy that log to a new file, and end", false, NULL },
    { "restore", "FILE", "make a new --state of a backup, or of a directory with one, and end",
      false, NULL },
    { "retain-age", "DURATION", "drop records that are older: 30d, 12h (default: never)", false,
      NULL },
    { "retain-bytes", "SIZE", "drop the oldest records beyond so much: 10g (default: never)", false,
      NULL },
    { "log-level", "LEVEL", "debug, info, warning or error", false, "info" },
};
/* clang-format on */

#define DEFAULT_FILE "/etc/gantry/broker.conf"

struct program {
    struct event_base *loop;
    struct option_set *options;
    struct broker_options broker_options;
    struct listen_options listen_options;
    struct sp_tls tls;
    struct broker *broker;
    struct event *on_term;
    struct event *on_int;
};

static int read_retention(const struct option_set *set, struct retention_policy *ret,
                          struct error *err)
{
    const char *age = options_get(set, "retain-age");
    const char *bytes = options_get(set, "retain-bytes");
    int r = 0;

    if (age != NULL)
        r = quantity_parse_duration(age, &ret->age_ns, err);
    if (r < 0)
        return error_add_context(err, r, "--retain-age");
    if (bytes != NULL)
        r = quantity_parse_bytes(bytes, &ret->bytes, err);
    return r < 0 ? error_add_context(err, r, "--retain-bytes") : 0;
}

static int read_options(struct program *program, struct error *err)
{
    struct option_set *set = program->options;
    struct listen_options *listening = &program->listen_options;
    enum log_level level;
    const char *url;

    if (log_parse_level(options_get(set, "log-level"), &level) < 0)
        return error_set(err, -EINVAL, "--log-level %s: there is no such level",
                         options_get(set, "log-level"));
    log_set_level(level);
    while ((url = options_get_at(set, "listen", listening->url_count)) != NULL) {
        if (listening->url_count == LISTENERS_MAX)
            return error_set(err, -E2BIG, "--listen may be given %d times", LISTENERS_MAX);
        listening->urls[listening->url_count++] = url;
    }
    program->tls = (struct sp_tls){
        .certificate = options_get(set, "tls-certificate"),
        .key = options_get(set, "tls-key"),
        .authority = options_get(set, "tls-authority"),
    };
    if (program->tls.certificate != NULL && program->tls.key != NULL &&
        program->tls.authority != NULL)
        listening->tls = &program->tls;
    listening->feed_url = options_get(set, "feed");
    listening->is_insecure = options_is_set(set, "insecure");
    program->broker_options = (struct broker_options){
        .state_directory = options_get(set, "state"),
        .accepted_journal = options_get(set, "accept-journal"),
        .is_recovering = options_is_set(set, "recover"),
    };
    return read_retention(set, &program->broker_options.retention, err);
}

/* Everything is written: leave the loop once the last answers have had time to go out. */
static void on_drained(struct broker *broker)
{
    static const struct timeval farewell = { .tv_usec = FAREWELL_MS * 1000 };

    (void)event_base_loopexit(broker->loop, &farewell);
}

static void on_stop(evutil_socket_t signal_number, short what, void *arg)
{
    struct program *program = arg;

    (void)what;
    log_info("broker.stopping", "signal=%d", (int)signal_number);
    notify_send("STOPPING=1");
    broker_drain(program->broker, on_drained);
}

/* What is done instead of serving; `ret_is_done` when something was. */
static int work_offline(const struct program *program, bool *ret_is_done, struct error *err)
{
    const char *state = program->broker_options.state_directory;
    const char *backup = options_get(program->options, "backup");
    const char *restore = options_get(program->options, "restore");
    bool verifies = options_is_set(program->options, "verify");
    bool rebuilds = options_is_set(program->options, "rebuild");

    *ret_is_done = true;
    if (verifies + rebuilds + (backup != NULL) + (restore != NULL) > 1)
        return error_set(err, -EINVAL,
                         "one of --verify, --rebuild, --backup and --restore at a time");
    if (verifies)
        return offline_verify(state, err);
    if (rebuilds)
        return offline_rebuild(state, err);
    if (backup != NULL)
        return offline_backup(state, backup, err);
    if (restore != NULL)
        return offline_restore(state, restore, err);
    *ret_is_done = false;
    return 0;
}

/* Each peer is a descriptor: as many as this user may have, up to what is served at most. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS_WANTED)
        log_info("broker.descriptors", "limit=%llu wanted=%d", (unsigned long long)limit.rlim_cur,
                 DESCRIPTORS_WANTED);
}

static int start(struct program *program, struct error *err)
{
    autofree char *listeners = NULL;
    int r;

    raise_descriptors();
    program->loop = event_base_new();
    if (program->loop == NULL)
        return error_set(err, -ENOMEM, "make the event loop");
    r = broker_new(program->loop, &program->broker_options, &program->broker, err);
    if (r < 0)
        return r;
    r = listen_start(program->broker->server, &program->listen_options, err);
    if (r < 0)
        return r;
    program->on_term = evsignal_new(program->loop, SIGTERM, on_stop, program);
    program->on_int = evsignal_new(program->loop, SIGINT, on_stop, program);
    (void)evsignal_add(program->on_term, NULL);
    (void)evsignal_add(program->on_int, NULL);
    listeners = listen_print(program->broker->server, &program->listen_options);
    log_info("broker.ready", "%s", listeners);
    notify_send("READY=1");
    return 0;
}

static void finish(struct program *program)
{
    if (program->on_term != NULL)
        event_free(program->on_term);
    if (program->on_int != NULL)
        event_free(program->on_int);
    broker_destroy(program->broker);
    if (program->loop != NULL)
        event_base_free(program->loop);
    options_destroy(program->options);
}

static int run(struct program *program, int argc, char **argv, struct error *err)
{
    bool is_done = false;
    int r;

    r = options_parse("gantry-broker", "the durable log of a fleet, and those who talk to it",
                      option_rows, sizeof(option_rows) / sizeof(option_rows[0]), DEFAULT_FILE, argc,
                      argv, &program->options, err);
    if (r != 0)
        return r;
    r = read_options(program, err);
    if (r < 0)
        return r;
    r = work_offline(program, &is_done, err);
    if (r < 0 || is_done)
        return r;
    r = start(program, err);
    if (r < 0)
        return r;
    (void)event_base_dispatch(program->loop);
    log_info("broker.stopped", "state=%s", program->broker_options.state_directory);
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
        log_failure("broker.failed", &err);
    finish(&program);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
