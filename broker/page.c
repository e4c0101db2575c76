/* A page of records; see the header. */
#include "broker/page.h"

#include <errno.h>

#include "broker/core/filter.h"
#include "broker/reply.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "schemas/codec.h"

static bool is_full(const struct open_page *page, const struct page_wish *wish)
{
    unsigned records_max = wish->records_max;

    if (records_max == 0 || records_max > PAGE_RECORDS_MAX)
        records_max = PAGE_RECORDS_MAX;
    return page->page.records.count >= records_max || page->bytes >= PAGE_BYTES_MAX ||
           (wish->scan_max != 0 && page->scanned >= wish->scan_max);
}

/* Whether the page ends before this record. One that is larger than a page is a page. */
static bool is_beyond(const struct open_page *page, const struct page_wish *wish,
                      const struct log_entry *entry)
{
    return (wish->upto != 0 && entry->pos > wish->upto) ||
           (page->bytes > 0 && page->bytes + entry->record.size > PAGE_BYTES_MAX);
}

/* 1 when the record passes the wish's filter, 0 when not. */
static int passes(const struct page_wish *wish, const struct log_entry *entry, struct error *err)
{
    autoarena arena = { 0 };
    struct record record;
    int r;

    if (wish->filter == NULL)
        return 1;
    r = schema_decode(&record_schema, entry->record, &record, &arena, err);
    if (r < 0)
        return error_add_context(err, r, "record %llu", (unsigned long long)entry->pos);
    return filter_passes(wish->filter, &record) ? 1 : 0;
}

static int collect(const struct page_wish *wish, struct open_page *page, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry;
    int r;

    r = log_walk(page->txn, wish->stream, page->after, &cursor, err);
    if (r < 0)
        return r;
    while (!is_full(page, wish)) {
        r = log_next(cursor, &entry, err);
        if (r <= 0)
            return r;
        if (is_beyond(page, wish, &entry))
            return 0;
        r = passes(wish, &entry, err);
        if (r < 0)
            return r;
        page->scanned++;
        page->scanned_upto = entry.pos;
        if (r == 0)
            continue;
        page->records[page->page.records.count++] = (struct raw){ .bytes = entry.record };
        page->bytes += entry.record.size;
    }
    return 0;
}

/* Records of a stream were dropped if the first one that is left does not follow the cursor. */
static int check_kept_of_stream(const struct page_wish *wish, const struct open_page *page,
                                struct error *err)
{
    autoarena arena = { 0 };
    struct record first = { .prev = page->page.stream_head };
    int r = 0;

    if (page->page.records.count > 0)
        r = schema_decode(&record_schema, page->records[0].bytes, &first, &arena, err);
    if (r < 0 || first.prev <= wish->after)
        return r;
    return error_set(err, -ENODATA, "records of %s between %llu and %llu are no longer kept",
                     wish->stream, (unsigned long long)wish->after,
                     (unsigned long long)page->page.floor);
}

static int check_kept(const struct page_wish *wish, const struct open_page *page, struct error *err)
{
    if (page->after >= page->page.floor)
        return 0;
    if (wish->stream != NULL)
        return check_kept_of_stream(wish, page, err);
    return error_set(err, -ENODATA, "records up to %llu are no longer kept, and %llu was asked for",
                     (unsigned long long)page->page.floor, (unsigned long long)wish->after + 1);
}

static int check_cursor(const struct page_wish *wish, uint64_t end, struct error *err)
{
    if (wish->cursor <= end)
        return 0;
    return error_set(err, -ESTALE,
                     "the log went back: %s ends at %llu, and %llu was already dealt with; an old "
                     "copy of the log must have been restored",
                     wish->stream != NULL ? wish->stream : "it", (unsigned long long)end,
                     (unsigned long long)wish->cursor);
}

static int read_page(const struct page_wish *wish, struct open_page *page, struct error *err)
{
    struct log_state state;
    uint64_t end;
    int r;

    r = log_state(page->txn, &state, err);
    if (r < 0)
        return r;
    if (wish->stream != NULL) {
        r = log_stream_head(page->txn, wish->stream, &page->page.stream_head, err);
        if (r < 0)
            return r;
    }
    end = wish->stream != NULL ? page->page.stream_head : state.head;
    r = check_cursor(wish, end, err);
    if (r < 0)
        return r;
    page->page.head = state.head;
    page->page.log = state.id;
    page->page.epoch = state.epoch;
    page->page.floor = state.floor;
    page->page.records.items = page->records;
    page->after = wish->after;
    if (wish->may_begin_at_floor && page->after < state.floor)
        page->after = state.floor;
    page->scanned_upto = page->after;
    r = collect(wish, page, err);
    if (r < 0)
        return r;
    page->page.cursor = page->scanned > 0 ? page->scanned_upto : wish->cursor;
    if (wish->upto != 0 && wish->upto < end)
        end = wish->upto;
    page->page.has_more = page->scanned_upto < end && page->scanned > 0;
    return check_kept(wish, page, err);
}

int page_open(struct log *log, const struct page_wish *wish, struct open_page *ret,
              struct error *err)
{
    int r;

    ret->page = (struct page){ 0 };
    ret->scanned = 0;
    ret->bytes = 0;
    ret->txn = NULL;
    r = log_begin(log, LOG_READ, &ret->txn, err);
    if (r < 0)
        return r;
    r = read_page(wish, ret, err);
    if (r < 0)
        page_close(ret);
    return r;
}

void page_close(struct open_page *page)
{
    log_abort(page->txn);
    page->txn = NULL;
}

void page_refuse(struct sp_request *request, const struct open_page *page, const struct error *err)
{
    if (err->code == -ENODATA) {
        reply_trimmed(request, page->page.floor, err->text);
        return;
    }
    log_failure("log.unreadable", err);
    reply_error(request, err);
}
