/* fetch: a range of one stream, to repair a gap. Nobody waits: what is asked for exists. */
#include <string.h>

#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/page.h"
#include "broker/reply.h"

void handle_fetch(struct broker *broker, struct request *request)
{
    const struct fetch *asked = request->message;
    const struct page_wish wish = {
        .stream = asked->stream,
        .cursor = asked->after,
        .after = asked->after,
        .upto = asked->upto,
    };
    struct open_page page;
    struct error err = { 0 };

    if (strlen(asked->stream) > NAME_SIZE_MAX + strlen(STREAM_COMMANDS_PREFIX)) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "no stream has so long a name");
        return;
    }
    if (page_open(broker->log, &wish, &page, &err) < 0) {
        page_refuse(request->sp, &page, &err);
        return;
    }
    reply_message(request->sp, &page_schema, &page.page);
    page_close(&page);
}
