/* What a turn wants; see the header. */
#include "worker/core/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Room for one more item: the capacity is the next power of two, so it need not be kept. */
static void *with_room(void *items, size_t count, size_t item_size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    return mem_resized(items, (count == 0 ? 1 : 2 * count) * item_size);
}

void batch_add_change(struct batch *batch, const struct change *change)
{
    struct change copy = *change;

    copy.id = arena_text(&batch->arena, change->id);
    copy.value.data = (const uint8_t *)arena_text_n(&batch->arena, (const char *)change->value.data,
                                                    change->value.size);
    batch->changes = with_room(batch->changes, batch->change_count, sizeof(copy));
    batch->changes[batch->change_count++] = copy;
}

void batch_add_action(struct batch *batch, const struct action *action)
{
    struct action copy = *action;

    copy.id = arena_text(&batch->arena, action->id);
    batch->actions = with_room(batch->actions, batch->action_count, sizeof(copy));
    batch->actions[batch->action_count++] = copy;
}

bool batch_is_empty(const struct batch *batch)
{
    return batch->change_count == 0 && batch->action_count == 0;
}

void batch_done(struct batch *batch)
{
    arena_done(&batch->arena);
    free(batch->changes);
    free(batch->actions);
    *batch = (struct batch){ 0 };
}
