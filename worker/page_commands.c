/* The commands that a poll has brought; see the header. */
#include "worker/page_commands.h"

#include "common/io/log.h"
#include "schemas/codec.h"

bool page_commands_read(const struct page *page, struct page_commands *ret, struct arena *arena)
{
    *ret = (struct page_commands){
        .records = arena_zeroed(arena, (page->records.count + 1) * sizeof(*ret->records)),
    };
    for (size_t i = 0; i < page->records.count; i++) {
        struct bytes wire = page->records.items[i].bytes;
        struct error err = { 0 };

        if (schema_decode(&record_schema, wire, &ret->records[i], arena, &err) < 0) {
            log_failure("link.command_damaged", &err);
            return false;
        }
        ret->count++;
    }
    return true;
}
