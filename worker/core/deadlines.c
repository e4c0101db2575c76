/* Which unit wants to be woken first; see the header. */
#include "worker/core/deadlines.h"

#include <stdlib.h>

#include "common/mem.h"
#include "worker/core/unit.h"

static void place(struct deadlines *deadlines, struct unit *unit, size_t index)
{
    deadlines->heap[index - 1] = unit;
    unit->deadline_index = index;
}

static uint64_t deadline_at(const struct deadlines *deadlines, size_t index)
{
    return deadlines->heap[index - 1]->deadline_ms;
}

static void swap(struct deadlines *deadlines, size_t a, size_t b)
{
    struct unit *unit = deadlines->heap[a - 1];

    place(deadlines, deadlines->heap[b - 1], a);
    place(deadlines, unit, b);
}

static void sift(struct deadlines *deadlines, size_t index)
{
    while (index > 1 && deadline_at(deadlines, index) < deadline_at(deadlines, index / 2)) {
        swap(deadlines, index, index / 2);
        index /= 2;
    }
    for (;;) {
        size_t least = index;

        for (size_t child = 2 * index; child <= 2 * index + 1; child++) {
            if (child <= deadlines->count &&
                deadline_at(deadlines, child) < deadline_at(deadlines, least))
                least = child;
        }
        if (least == index)
            return;
        swap(deadlines, index, least);
        index = least;
    }
}

static void take_out(struct deadlines *deadlines, struct unit *unit)
{
    size_t index = unit->deadline_index;

    if (index == 0)
        return;
    swap(deadlines, index, deadlines->count);
    deadlines->count--;
    unit->deadline_index = 0;
    if (index <= deadlines->count)
        sift(deadlines, index);
}

void deadlines_set(struct deadlines *deadlines, struct unit *unit, uint64_t deadline_ms)
{
    if (deadline_ms == UINT64_MAX) {
        take_out(deadlines, unit);
        return;
    }
    unit->deadline_ms = deadline_ms;
    if (unit->deadline_index == 0) {
        if (deadlines->count == deadlines->capacity) {
            deadlines->capacity = deadlines->capacity == 0 ? 16 : deadlines->capacity * 2;
            deadlines->heap =
                mem_resized(deadlines->heap, deadlines->capacity * sizeof(struct unit *));
        }
        place(deadlines, unit, ++deadlines->count);
    }
    sift(deadlines, unit->deadline_index);
}

struct unit *deadlines_first(const struct deadlines *deadlines)
{
    return deadlines->count == 0 ? NULL : deadlines->heap[0];
}

void deadlines_done(struct deadlines *deadlines)
{
    free(deadlines->heap);
    *deadlines = (struct deadlines){ 0 };
}
