/* A bounded number of runtime processes; see the header. */
#include "worker/io/gate.h"

#include <assert.h>
#include <errno.h>

void gate_init(struct gate *gate, unsigned places, unsigned waiting_max)
{
    assert(places > 0);
    *gate = (struct gate){ .places = places, .waiting_max = waiting_max };
    STAILQ_INIT(&gate->line);
}

static void let_in(struct gate *gate)
{
    while (gate->taken < gate->places && !STAILQ_EMPTY(&gate->line)) {
        struct gate_ticket *ticket = STAILQ_FIRST(&gate->line);

        gate_withdraw(gate, ticket);
        gate->taken++;
        ticket->on_enter(ticket);
    }
}

int gate_enter(struct gate *gate, struct gate_ticket *ticket, struct error *err)
{
    if (gate->waiting == gate->waiting_max)
        return error_set(err, -EAGAIN, "%u runtime calls wait already", gate->waiting);
    STAILQ_INSERT_TAIL(&gate->line, ticket, link);
    ticket->is_waiting = true;
    gate->waiting++;
    let_in(gate);
    return 0;
}

void gate_withdraw(struct gate *gate, struct gate_ticket *ticket)
{
    if (!ticket->is_waiting)
        return;
    STAILQ_REMOVE(&gate->line, ticket, gate_ticket, link);
    ticket->is_waiting = false;
    gate->waiting--;
}

void gate_leave(struct gate *gate)
{
    assert(gate->taken > 0);
    gate->taken--;
    let_in(gate);
}

void gate_close(struct gate *gate)
{
    gate->places = 0;
}
