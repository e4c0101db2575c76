/* The fleet now and then; see the header. */
#include "ops/console/fleet_at.h"

#include "common/io/clock.h"
#include "ops/console/past.h"

static int ask_now(struct console *console, const char *host, struct fleet_at *ret,
                   struct error *err)
{
    int r = fleet_containers(console, host, &ret->containers, err);

    return r == 0 ? fleet_hosts(console, &ret->hosts, err) : r;
}

static int fold_then(struct past *past, const struct moment *moment, struct fleet_at *ret,
                     struct error *err)
{
    int r = past_fold(past, moment, err);

    if (r == 0)
        r = past_containers(past, &ret->containers, err);
    if (r == 0)
        r = past_hosts(past, &ret->hosts, err);
    ret->now_ns = moment->is_position ? past_time_ns(past) : moment->time_ns;
    return r;
}

int fleet_at(struct console *console, const char *at, const char *host, struct fleet_at *ret,
             struct error *err)
{
    struct fleet_at fleet = { .now_ns = clock_wall_ns() };
    struct moment moment;
    int r;

    if (at == NULL) {
        r = ask_now(console, host, &fleet, err);
    } else {
        autodestroy(past) struct past *past = past_new(console, host);

        r = moment_parse(at, fleet.now_ns, &moment, err);
        if (r == 0)
            r = fold_then(past, &moment, &fleet, err);
    }
    if (r == 0)
        *ret = fleet;
    return r;
}

int fleet_at_of(struct console *console, const char *at, const char *id, struct fleet_at *ret,
                struct error *err)
{
    autodestroy(past) struct past *past = past_new_of(console, id);
    struct fleet_at fleet = { .now_ns = clock_wall_ns() };
    struct moment moment;
    int r = moment_parse(at, fleet.now_ns, &moment, err);

    if (r == 0)
        r = fold_then(past, &moment, &fleet, err);
    if (r < 0)
        return r;
    /* It went, and may have come again elsewhere: only all the hosts know. */
    if (fleet.containers.count == 0)
        return fleet_at(console, at, NULL, ret, err);
    *ret = fleet;
    return 0;
}
