/* How far a long reading has come; see the header. */
#include "ops/console/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common/io/clock.h"

#define PATIENCE_MS 700

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){ .started_ms = clock_steady_ms(),
                                   .is_terminal = isatty(STDERR_FILENO) == 1 };
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total)
{
    unsigned percent = total > 0 && done < total ? (unsigned)(100 * done / total) : 100;

    if (!progress->is_terminal || (progress->is_shown && percent == progress->percent) ||
        clock_steady_ms() - progress->started_ms < PATIENCE_MS)
        return;
    (void)fprintf(stderr, "\rreading the log: %u %% ", percent);
    (void)fflush(stderr);
    progress->percent = percent;
    progress->is_shown = true;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        (void)fputs("\r\x1b[K", stderr);
    progress->is_shown = false;
}
