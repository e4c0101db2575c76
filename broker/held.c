/* A request that is answered later; see the header. */
#include "broker/held.h"

#include <assert.h>
#include <stddef.h>

#include <event2/event.h>

#include "common/io/sp.h"
#include "schemas/bus.h"

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct held *held = arg;

    (void)fd;
    (void)what;
    held->functions->on_timeout(held);
}

void held_begin(struct held *held, const struct held_functions *functions,
                struct sp_request *request)
{
    assert(held->request == NULL);
    held->functions = functions;
    held->request = request;
    held->timer = NULL;
    sp_request_set_data(request, held);
}

void held_begin_for(struct held *held, const struct held_functions *functions,
                    struct sp_request *request, struct event_base *loop, uint32_t wait_ms)
{
    uint32_t ms = wait_ms < POLL_WAIT_MS ? wait_ms : POLL_WAIT_MS;
    struct timeval distance = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

    held_begin(held, functions, request);
    held->timer = evtimer_new(loop, on_timer, held);
    (void)evtimer_add(held->timer, &distance);
}

struct sp_request *held_end(struct held *held)
{
    struct sp_request *request = held->request;

    if (held->timer != NULL)
        event_free(held->timer);
    held->timer = NULL;
    held->request = NULL;
    if (request != NULL)
        sp_request_set_data(request, NULL);
    return request;
}

void held_abandon(struct sp_request *request)
{
    struct held *held = sp_request_data(request);

    if (held == NULL)
        return;
    (void)held_end(held);
    if (held->functions->on_abandoned != NULL)
        held->functions->on_abandoned(held);
}
