/* The clocks that the broker sees; see the header. */
#include "broker/clocks.h"

#include <stdlib.h>

#include "broker/broker.h"
#include "broker/core/clock_watch.h"
#include "broker/hosts.h"
#include "broker/notice.h"
#include "common/clock_step.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/events.h"

#define NS_PER_MS  1000000
#define SETTLED_MS 3600000 /* for somebody to see the warning and to set it right */

struct clocks {
    struct broker *broker;
    struct clock_step step;
    uint64_t forward_ms; /* steady: when it was set forwards last */
    bool was_set_forward;
};

struct clocks *clocks_new(struct broker *broker)
{
    struct clocks *clocks = mem_new(struct clocks);
    int64_t by_ms;

    clocks->broker = broker;
    (void)clock_step_look(&clocks->step, clock_wall_ns(), clock_steady_ms(), &by_ms);
    return clocks;
}

void clocks_destroy(struct clocks *clocks)
{
    free(clocks);
}

static void look(struct clocks *clocks)
{
    struct clock_stepped stepped;
    uint64_t steady_ms = clock_steady_ms();

    if (!clock_step_look(&clocks->step, clock_wall_ns(), steady_ms, &stepped.by_ms))
        return;
    if (stepped.by_ms > 0) {
        clocks->was_set_forward = true;
        clocks->forward_ms = steady_ms;
    }
    log_warning("clock.stepped", "by_ms=%lld", (long long)stepped.by_ms);
    notice_write(clocks->broker,
                 &(struct notice){ .schema = &clock_stepped_schema, .body = &stepped });
}

bool clocks_is_unsettled(struct clocks *clocks)
{
    look(clocks);
    return clocks->was_set_forward && clock_steady_ms() - clocks->forward_ms < SETTLED_MS;
}

void clocks_hear(struct clocks *clocks, struct host *host, uint64_t said_ns)
{
    struct host_clock off = {
        .off_ms = (int64_t)(said_ns / NS_PER_MS) - (int64_t)(clock_wall_ns() / NS_PER_MS),
    };

    look(clocks);
    if (said_ns == 0 || !clock_watch_hear(&host->clock, off.off_ms, clock_steady_ms()))
        return;
    off.off_ms = host->clock.told_ms;
    if (off.off_ms == 0)
        log_info("host.clock", "host=%s off_ms=0", host->name);
    else
        log_warning("host.clock", "host=%s off_ms=%lld", host->name, (long long)off.off_ms);
    notice_write(
        clocks->broker,
        &(struct notice){ .host = host->name, .schema = &host_clock_schema, .body = &off });
}
