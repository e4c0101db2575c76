/* Records of the log, page by page; see the header. */
#include "ops/console/watch.h"

#include "schemas/codec.h"

int watch_next(struct console *console, struct watch *watch, struct arena *arena,
               struct watch_page *ret, struct error *err)
{
    const struct client_question question = {
        .schema = &watch_schema, .message = watch, .wait_ms = watch->wait_ms, .reply = &page_schema
    };
    struct watch_page page = { 0 };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    if (r < 0)
        return r;
    r = client_ask(client, &question, &page.page, arena, err);
    if (r < 0)
        return error_add_context(err, r, "read the log");
    page.records = arena_zeroed(arena, page.page.records.count * sizeof(*page.records));
    for (; page.count < page.page.records.count; page.count++) {
        r = schema_decode(&record_schema, page.page.records.items[page.count].bytes,
                          &page.records[page.count], arena, err);
        if (r < 0)
            return error_add_context(err, r, "read the log");
    }
    watch->cursor = page.page.cursor;
    *ret = page;
    return 0;
}

int watch_all(struct console *console, struct watch *watch, watch_visit_fn *visit, void *owner,
              struct error *err)
{
    bool has_more = true;

    while (has_more) {
        autoarena arena = { 0 };
        struct watch_page page;
        int r = watch_next(console, watch, &arena, &page, err);

        for (size_t i = 0; r == 0 && i < page.count; i++)
            r = visit(owner, &page.records[i], err);
        if (r != 0)
            return r;
        has_more = page.page.has_more;
    }
    return 0;
}
