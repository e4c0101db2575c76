/* The route table; see the header. */
#include "broker/dispatch.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/handlers.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/reply.h"
#include "common/io/log.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/past.h"

#define REQUEST_SIZE_MAX 256 /* of the largest request's struct */

struct route {
    const struct schema *schema;
    handle_fn *handle;
};

/* clang-format off */
static const struct route routes[] = {
    { &hello_schema,         handle_hello },
    { &recover_schema,       handle_recover },
    { &poll_schema,          handle_poll },
    { &report_schema,        handle_report },
    { &submit_schema,        handle_submit },
    { &outcome_schema,       handle_outcome },
    { &watch_schema,         handle_watch },
    { &fetch_schema,         handle_fetch },
    { &query_schema,         handle_query },
    { &view_hash_schema,     handle_view_hash },
    { &past_ask_schema,          handle_past },
    { &info_schema,          handle_info },
    { &log_backup_schema,    handle_log_backup },
    { &host_lose_schema,  handle_host_lose },
    { &stream_open_schema,   handle_stream_open },
    { &stream_accept_schema, handle_stream_accept },
    { &stream_push_schema,   handle_stream_push },
    { &stream_read_schema,   handle_stream_read },
    { &stream_close_schema,  handle_stream_close },
};
/* clang-format on */

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

_Static_assert(ROUTE_COUNT <= 64, "peer.denied has a bit for each route");

static unsigned find_route(const char *type)
{
    unsigned i = 0;

    while (i < ROUTE_COUNT && strcmp(routes[i].schema->name, type) != 0)
        i++;
    return i;
}

void dispatch_deny(struct broker *broker, struct request *request, const char *why)
{
    struct peer *peer = request->peer;
    const char *type = routes[request->route].schema->name;
    uint64_t bit = UINT64_C(1) << request->route;

    if ((peer->denied & bit) == 0) {
        const struct access_denied denied = {
            .message = borrowed(type),
            .role = borrowed(role_name(peer->identity.role)),
        };

        log_warning("access.denied", "actor=%s role=%s request=%s", peer->identity.actor,
                    denied.role, type);
        notice_write(broker, &(struct notice){ .actor = peer->identity.actor,
                                               .schema = &access_denied_schema,
                                               .body = &denied });
        peer->denied |= bit;
    }
    reply_failure(request->sp, FAILURE_DENIED, "%s", why);
}

/* The frame is well-formed: may it be asked, and does its body make sense? */
static void dispatch_frame(struct broker *broker, struct request *request,
                           const struct frame *frame)
{
    alignas(max_align_t) unsigned char message[REQUEST_SIZE_MAX];
    const struct route *route = &routes[request->route];
    struct error err = { 0 };

    if (!role_may(request->peer->identity.role, frame->type)) {
        (void)error_set(&err, -EPERM, "%s has the role %s, which may not ask %s",
                        request->peer->identity.actor, role_name(request->peer->identity.role),
                        frame->type);
        dispatch_deny(broker, request, err.text);
        return;
    }
    assert(route->schema->size <= sizeof(message));
    if (schema_decode_guarded(route->schema, frame->body, message, request->arena, &err) < 0) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "%s", err.text);
        return;
    }
    sp_peer_accept(sp_request_peer(request->sp));
    request->message = message;
    route->handle(broker, request);
}

void dispatch(struct broker *broker, struct sp_request *sp, struct bytes body)
{
    autoarena arena = { 0 };
    struct request request = {
        .sp = sp,
        .peer = peer_of(sp_request_peer(sp)),
        .arena = &arena,
    };
    struct error err = { 0 };
    struct frame frame;
    int r;

    r = frame_decode(body, &frame, &arena, &err);
    if (r < 0) {
        reply_failure(sp, r == -EPROTO ? FAILURE_UNSUPPORTED : FAILURE_INVALID_ARGUMENT, "%s",
                      err.text);
        return;
    }
    request.route = find_route(frame.type);
    if (request.route == ROUTE_COUNT) {
        reply_failure(sp, FAILURE_UNSUPPORTED, "this broker knows no request called %.64s",
                      frame.type);
        return;
    }
    dispatch_frame(broker, &request, &frame);
}
