/*
 * One REQ socket of nng, asked one question at a time.
 *
 * Why one: nng 1.5.2 loses a completion when it closes a connection that failed to send while a
 * reply is on its way in. Its only reaper thread then waits for ever: connections are neither
 * closed nor made again, in the whole process. In lock-step nothing comes in while something goes
 * out. What gave no reply is left together with its connection, for the same reason, and because a
 * connection that is silent for so long may be dead: the broker then sees at once that nobody waits
 * any more.
 *
 * A question has a context and one aio, which sends, then receives: the receive is only started by
 * the send's completion (nng crashes when a receive is cancelled while its send waits). nng's own
 * resending is off: a broken connection ends the receive, and the lane asks again. Closing the
 * context ends whatever the aio is at.
 *
 * Owner: a bus. Thread: the loop's; callbacks come from the loop only.
 */
#ifndef GANTRY_COMMON_IO_BUS_LANE_H
#define GANTRY_COMMON_IO_BUS_LANE_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/io/bus_dial.h"

struct event_base;
struct bus_lane;

struct bus_lane_handlers {
    /* 0 and the reply, borrowed for the call; or -EIO: nng would not ask. The lane is free. */
    void (*on_reply)(void *owner, struct bus_lane *lane, int result, struct bytes reply);
    /* The connection broke: as a rule the others of this broker did, too. */
    void (*on_broken)(void *owner);
    /* Alternately true and false, beginning with true. */
    void (*on_connected)(void *owner, bool is_connected);
};

/* `dial` and `handlers` are kept. */
int bus_lane_open(struct event_base *loop, const struct bus_dial *dial,
                  const struct bus_lane_handlers *handlers, void *owner, struct bus_lane **ret,
                  struct error *err);

/* No handler is called any more; a handler may close its lane. */
void bus_lane_close(struct bus_lane *lane);

bool bus_lane_is_free(const struct bus_lane *lane);

/* `question` must stay until the reply or bus_lane_drop. The lane must be free. */
int bus_lane_ask(struct bus_lane *lane, struct bytes question, struct error *err);

/* Nobody waits for the reply any more; the lane is free again. */
void bus_lane_drop(struct bus_lane *lane);

/* The connection may be dead: when nothing comes over it soon, it is left for another one. */
void bus_lane_suspect(struct bus_lane *lane);

/* How long to be without a connection before the socket is replaced. */
void bus_lane_set_patience_ms(struct bus_lane *lane, unsigned patience_ms);

#endif
