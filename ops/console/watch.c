/* Records of the log, page by page; see the header. */
#include "ops/console/watch.h"

#include <errno.h>

#include "ops/console/progress.h"
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
    page.missed_upto = page.page.floor > watch->cursor ? page.page.floor : 0;
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

/* The records of one page up to `end` (0: all); what `visit` returned when that was not 0. */
static int visit_page(const struct watch_page *page, uint64_t end, watch_visit_fn *visit,
                      void *owner, struct error *err)
{
    int r = 0;

    if (page->missed_upto != 0)
        return error_set(err, -ENODATA, "records up to %llu are no longer kept",
                         (unsigned long long)page->missed_upto);
    for (size_t i = 0; r == 0 && i < page->count; i++) {
        if (end != 0 && page->records[i].pos > end)
            return 0;
        r = visit(owner, &page->records[i], err);
    }
    return r;
}

static int read_to_end(struct console *console, struct watch *watch, watch_visit_fn *visit,
                       void *owner, uint64_t *ret_head, struct error *err)
{
    struct progress progress;
    uint64_t head = 0;
    bool has_more = true;
    int r = 0;

    progress_begin(&progress);
    while (r == 0 && has_more) {
        autoarena arena = { 0 };
        struct watch_page page;

        r = watch_next(console, watch, &arena, &page, err);
        if (r < 0)
            break;
        if (head == 0)
            head = page.page.head;
        has_more = page.page.has_more && watch->cursor < head;
        progress_show(&progress, watch->cursor, head);
        r = visit_page(&page, head, visit, owner, err);
    }
    progress_end(&progress);
    *ret_head = head;
    return r;
}

int watch_to_end(struct console *console, struct watch *watch, watch_visit_fn *visit, void *owner,
                 uint64_t *ret_head, struct error *err)
{
    uint64_t head = 0;
    int r = read_to_end(console, watch, visit, owner, &head, err);

    if (r >= 0)
        *ret_head = head;
    return r;
}
