/*
 * gantry: the operator's command.
 *
 *     gantry [global options] VERB [options] [arguments]
 *
 * Global options may also stand in the environment and in a file; the command line wins over the
 * environment, that over the file.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/io/options.h"
#include "common/mem.h"
#include "ops/console/console.h"
#include "ops/console/verbs.h"

#define DEFAULT_BROKER  "unix:///run/gantry/broker.sock"
#define DEFAULT_FILE    "/etc/gantry/gantry.conf"
#define DEFAULT_TIMEOUT "30"
#define TIMEOUT_S_MAX   86400

/* clang-format off */
static const struct verb verbs[] = {
    { { "run", "IMAGE [COMMAND [ARG...]]", "Create a container, start it, and show its output" }, verb_run },
    { { "create", "IMAGE [COMMAND [ARG...]]", "Create a container" }, verb_create },
    { { "init", "CONTAINER [CONTAINER...]", "Make containers ready to start" }, verb_init },
    { { "start", "CONTAINER [CONTAINER...]", "Start containers" }, verb_start },
    { { "stop", "CONTAINER [CONTAINER...]", "Stop containers" }, verb_stop },
    { { "restart", "CONTAINER [CONTAINER...]", "Stop containers and start them again" }, verb_restart },
    { { "kill", "CONTAINER [CONTAINER...]", "Send a signal to containers" }, verb_kill },
    { { "pause", "CONTAINER [CONTAINER...]", "Freeze all processes of containers" }, verb_pause },
    { { "unpause", "CONTAINER [CONTAINER...]", "Let paused containers go on" }, verb_unpause },
    { { "cleanup", "CONTAINER [CONTAINER...]", "Give back what ended containers hold" }, verb_cleanup },
    { { "rm", "CONTAINER [CONTAINER...]", "Remove containers" }, verb_rm },
    { { "cancel", "COMMAND [COMMAND...]", "End commands that have not begun" }, verb_cancel },
    { { "rename", "CONTAINER NAME", "Call a container by another name" }, verb_rename },
    { { "update", "CONTAINER", "Change limits and restart policy of a container" }, verb_update },
    { { "cp", "[CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH", "Copy files into a container, or out of it" }, verb_cp },
    { { "export", "CONTAINER", "Write a container's root filesystem as a tar" }, verb_export },
    { { "commit", "CONTAINER [IMAGE]", "Make an image of a container" }, verb_commit },
    { { "mount", "CONTAINER [CONTAINER...]", "Mount root filesystems for a look at them on their host" }, verb_mount },
    { { "unmount", "CONTAINER [CONTAINER...]", "End that" }, verb_unmount },
    { { "umount", "CONTAINER [CONTAINER...]", "The same as unmount" }, verb_unmount },
    { { "image", "VERB", "Manage images" }, verb_image },
    { { "images", "[IMAGE]", "List images" }, verb_images },
    { { "pull", "IMAGE [IMAGE...]", "Fetch images from a registry" }, verb_pull },
    { { "load", "", "Load images from an archive" }, verb_load },
    { { "save", "IMAGE [IMAGE...]", "Write images to an archive" }, verb_save },
    { { "import", "PATH|- [IMAGE]", "Make an image of a root filesystem's tar" }, verb_import },
    { { "tag", "IMAGE NAME [NAME...]", "Give an image more names" }, verb_tag },
    { { "untag", "IMAGE [NAME...]", "Take names from an image" }, verb_untag },
    { { "rmi", "IMAGE [IMAGE...]", "Remove images" }, verb_rmi },
    { { "volume", "VERB", "Manage volumes" }, verb_volume },
    { { "ps", "", "List containers" }, verb_ps },
    { { "inspect", "CONTAINER [CONTAINER...]", "Show all about containers" }, verb_inspect },
    { { "logs", "CONTAINER [CONTAINER...]", "Show what containers wrote" }, verb_logs },
    { { "wait", "CONTAINER [CONTAINER...]", "Wait until containers have ended, print exit codes" }, verb_wait },
    { { "events", "", "Show what happens" }, verb_events },
    { { "history", "CONTAINER", "Show all that was said about one container" }, verb_history },
    { { "why", "CONTAINER", "Explain how a container came to its state" }, verb_why },
    { { "diff", "CONTAINER | --from TIME|POS [--to TIME|POS] [CONTAINER]", "Show what a container changed, or the fleet between two moments" }, verb_diff },
    { { "log", "verify|backup PATH", "Check the log, or have a copy written" }, verb_log },
    { { "host", "VERB", "Manage hosts" }, verb_host },
    { { "hosts", "[ls]", "List hosts" }, verb_hosts },
    { { "info", "", "Show the broker and the fleet" }, verb_info },
    { { "version", "", "Show the version" }, verb_version },
    { { "states", "", "Show the states of a container and what leads from one to another" }, verb_states },
};

static const struct option_row global_rows[] = {
    { .name = "broker", .value = "URL", .help = "Where the broker is (GANTRY_BROKER)", .fallback = DEFAULT_BROKER },
    { .name = "tls-certificate", .value = "FILE", .help = "Our certificate (GANTRY_TLS_CERTIFICATE)" },
    { .name = "tls-key", .value = "FILE", .help = "Its key (GANTRY_TLS_KEY)" },
    { .name = "tls-authority", .value = "FILE", .help = "Who signs the broker's certificate (GANTRY_TLS_AUTHORITY)" },
    { .name = "tls-server-name", .value = "NAME", .help = "In the broker's certificate (GANTRY_TLS_SERVER_NAME)" },
    { .name = "timeout", .value = "SECONDS", .help = "How long the broker may take to answer (GANTRY_TIMEOUT)", .fallback = DEFAULT_TIMEOUT },
    { .name = "host", .value = "HOST", .help = "As --host behind the verb (GANTRY_HOST)" },
};
/* clang-format on */
#define VERB_COUNT       (sizeof(verbs) / sizeof(*verbs))
#define GLOBAL_ROW_COUNT (sizeof(global_rows) / sizeof(*global_rows))

static void print_usage(FILE *out)
{
    (void)fputs("Manage containers on a fleet of hosts\n\n"
                "Usage:\n  gantry [options] VERB [options] [arguments]\n\nVerbs:\n",
                out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        (void)fprintf(out, "  %-10s %s\n", verbs[i].usage.verb, verbs[i].usage.summary);
    (void)fputs("\nOptions:\n", out);
    for (size_t i = 0; i < GLOBAL_ROW_COUNT; i++)
        (void)fprintf(out, "  --%s %s%*s%s\n", global_rows[i].name, global_rows[i].value,
                      (int)(26 - strlen(global_rows[i].name) - strlen(global_rows[i].value)), "",
                      global_rows[i].help);
    (void)fputs("  --config FILE                Options, as name = value lines "
                "(default: " DEFAULT_FILE ")\n\n"
                "gantry VERB --help explains a verb.\n",
                out);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].usage.verb, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

/* How many words the global options take: the next one is the verb. */
static int count_global_words(int argc, char **argv)
{
    int i = 1;

    /* Every global option has a value, in its own word or in the next one. */
    while (i < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0') {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0)
            return i;
        i += strchr(argv[i], '=') != NULL ? 1 : 2;
    }
    return i < argc ? i : argc;
}

/* GANTRY_TLS_KEY for tls-key. */
static const char *from_environment(const char *option)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "GANTRY_%s", option);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '-')
            *at = '_';
        else if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    }
    return getenv(name);
}

/* The global options: what the environment says stands before what the command line says. */
static int parse_globals(struct console *console, int word_count, char **words,
                         struct option_set **ret, struct error *err)
{
    char **all =
        arena_zeroed(&console->arena, ((size_t)word_count + GLOBAL_ROW_COUNT + 1) * sizeof(*all));
    int count = 0;

    all[count++] = words[0];
    for (size_t i = 0; i < GLOBAL_ROW_COUNT; i++) {
        const char *value = from_environment(global_rows[i].name);

        if (value != NULL && *value != '\0')
            all[count++] = arena_printf(&console->arena, "--%s=%s", global_rows[i].name, value);
    }
    for (int i = 1; i < word_count; i++)
        all[count++] = words[i];
    return options_parse("gantry", "Manage containers on a fleet of hosts", global_rows,
                         GLOBAL_ROW_COUNT, DEFAULT_FILE, count, all, ret, err);
}

static int take_globals(struct console *console, const struct option_set *set, struct error *err)
{
    const char *timeout = options_get(set, "timeout");
    char *end = NULL;
    unsigned long seconds = strtoul(timeout, &end, 10);

    if (*end != '\0' || end == timeout || seconds < 1 || seconds > TIMEOUT_S_MAX)
        return error_set(err, -EINVAL, "--timeout %s: give seconds from 1 on", timeout);
    console->timeout_ms = (unsigned)seconds * 1000;
    console->broker = options_get(set, "broker");
    console->host = options_get(set, "host");
    console->tls = (struct bus_tls){
        .certificate = options_get(set, "tls-certificate"),
        .key = options_get(set, "tls-key"),
        .authority = options_get(set, "tls-authority"),
        .server_name = options_get(set, "tls-server-name"),
    };
    return 0;
}

static int run_verb(struct console *console, char **argv, struct error *err)
{
    const struct verb *verb;

    if (*argv == NULL) {
        print_usage(stderr);
        return error_set(err, -EINVAL, "missing command");
    }
    if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0 || strcmp(*argv, "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    verb =
        find_verb(strcmp(*argv, "--version") == 0 || strcmp(*argv, "-v") == 0 ? "version" : *argv);
    if (verb == NULL)
        return error_set(err, -EINVAL, "unrecognized command `gantry %s`: try 'gantry --help'",
                         *argv);
    return verb->run(console, &verb->usage, argv, err);
}

static int run(struct console *console, int argc, char **argv, struct error *err)
{
    struct option_set *set = NULL;
    int globals = count_global_words(argc, argv);
    int r = parse_globals(console, globals, argv, &set, err);

    if (r == 0)
        r = take_globals(console, set, err);
    if (r == 0)
        r = run_verb(console, argv + globals, err);
    /* Asked for in the file: options_parse() has answered. */
    if (r > 0)
        r = 0;
    console_done(console);
    options_destroy(set);
    return r;
}

int main(int argc, char **argv)
{
    struct console console = { .argv = argv };
    struct error err = { 0 };
    int r;

    /* A reader that has gone is no error of ours: podman ends silently as well. */
    (void)signal(SIGPIPE, SIG_DFL);
    r = run(&console, argc, argv, &err);
    if (r < 0) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "gantry: Error: %s\n", err.text);
        return console.exit_code != 0 ? console.exit_code : EXIT_GANTRY;
    }
    if (fflush(stdout) != 0)
        return EXIT_GANTRY;
    return console.exit_code;
}
