/* What every verb gets; see the header. */
#include "ops/console/console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int console_client(struct console *console, struct client **ret, struct error *err)
{
    const struct client_options options = {
        .broker = console->broker,
        .tls = console->tls.certificate != NULL || console->tls.authority != NULL ? &console->tls
                                                                                  : NULL,
        .timeout_ms = console->timeout_ms,
    };
    int r;

    if (console->client == NULL) {
        r = client_open(&options, &console->client, err);
        if (r < 0)
            return r;
    }
    *ret = console->client;
    return 0;
}

void console_report(struct console *console, const struct error *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "gantry: Error: %s\n", err->text);
    if (console->exit_code == 0)
        console->exit_code = EXIT_GANTRY;
}

void console_note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)fputs("gantry: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

int console_check_operands(const struct args_usage *usage, size_t count, size_t min, size_t max,
                           struct error *err)
{
    if (count < min)
        return error_set(err, -EINVAL, "usage: gantry %s [options] %s", usage->verb,
                         usage->operands);
    if (count > max)
        return error_set(err, -EINVAL, "gantry %s takes at most %zu argument%s, received %zu",
                         usage->verb, max, max == 1 ? "" : "s", count);
    return 0;
}

void console_done(struct console *console)
{
    client_destroy(console->client);
    arena_done(&console->arena);
}
