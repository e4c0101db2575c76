/* What a worker tells to a log that does not know it; see the header. */
#include "worker/telling.h"

#include <stdlib.h>

#include "common/mem.h"

#define PAGE_ROOM (REPORT_BYTES_MAX - 4096) /* without the envelope */

static void add(struct telling *telling, struct telling_items *items, struct bytes value)
{
    if (items->count == items->capacity) {
        items->capacity = items->capacity == 0 ? 64 : 2 * items->capacity;
        items->items = mem_resized(items->items, items->capacity * sizeof(*items->items));
    }
    items->items[items->count++] = (struct raw){
        .bytes = { .data = (const uint8_t *)arena_text_n(&telling->arena, (const char *)value.data,
                                                         value.size),
                   .size = value.size },
    };
}

static int add_row(void *owner, struct bytes value, struct error *err)
{
    struct telling *telling = owner;

    (void)err;
    add(telling, &telling->rows, value);
    return 0;
}

static int add_image(void *owner, struct bytes value, struct error *err)
{
    struct telling *telling = owner;

    (void)err;
    add(telling, &telling->images, value);
    return 0;
}

static int add_volume(void *owner, struct bytes value, struct error *err)
{
    struct telling *telling = owner;

    (void)err;
    add(telling, &telling->volumes, value);
    return 0;
}

static int add_command(void *owner, struct bytes value, struct error *err)
{
    struct telling *telling = owner;

    (void)err;
    add(telling, &telling->commands, value);
    return 0;
}

void telling_end(struct telling *telling)
{
    arena_done(&telling->arena);
    free(telling->rows.items);
    free(telling->images.items);
    free(telling->volumes.items);
    free(telling->commands.items);
    *telling = (struct telling){ 0 };
}

int telling_begin(struct telling *telling, struct journal *journal, uint64_t recovery,
                  struct error *err)
{
    const struct journal_snapshot snapshot = {
        .on_row = add_row,
        .on_image = add_image,
        .on_volume = add_volume,
        .on_command = add_command,
        .owner = telling,
    };
    int r;

    telling_end(telling);
    r = journal_take_snapshot(journal, &snapshot, &telling->upto, err);
    if (r < 0)
        return r;
    telling->recovery = recovery;
    return 0;
}

uint64_t telling_total(const struct telling *telling)
{
    return telling->rows.count + telling->images.count + telling->volumes.count +
           telling->commands.count;
}

/* Where a page is being filled: what comes next of everything, and the room that is left. */
struct filling {
    uint64_t at;
    uint64_t begin; /* of the list that is looked at */
    size_t room;
};

static struct raw_list take(struct filling *filling, const struct telling_items *items)
{
    uint64_t begin = filling->begin;
    struct raw_list list = { 0 };

    filling->begin += items->count;
    if (filling->at < begin || filling->at >= filling->begin)
        return list;
    list.items = &items->items[filling->at - begin];
    while (filling->at < filling->begin && list.count < TELLING_ITEMS_MAX) {
        size_t size = list.items[list.count].bytes.size;

        if (size > filling->room && filling->room < PAGE_ROOM)
            break;
        filling->room -= size < filling->room ? size : filling->room;
        list.count++;
        filling->at++;
    }
    return list;
}

void telling_page(struct telling *telling, struct recover *ret)
{
    struct filling filling = { .at = telling->told, .room = PAGE_ROOM };

    ret->recovery = telling->recovery;
    ret->upto = telling->upto;
    ret->first = telling->told;
    ret->rows = take(&filling, &telling->rows);
    ret->images = take(&filling, &telling->images);
    ret->volumes = take(&filling, &telling->volumes);
    ret->commands = take(&filling, &telling->commands);
    telling->asked = filling.at;
    ret->is_end = telling->asked == telling_total(telling);
}

bool telling_went(struct telling *telling)
{
    telling->told = telling->asked;
    return telling->told == telling_total(telling);
}
