/* Requirements among containers; see the header. */
#include "ops/console/depend.h"

#include <stdlib.h>
#include <string.h>

/* Of one container that requires another. */
typedef bool visit_fn(void *owner, size_t dependant, size_t required);

static int compare_id(const void *id, const void *row)
{
    return strcmp(id, ((const struct container_row *)row)->id);
}

/* Calls `visit` for each pair; true when one call said that something has changed. */
static bool walk(const struct container_rows *rows, visit_fn *visit, void *owner)
{
    bool has_changed = false;

    for (size_t i = 0; i < rows->count; i++) {
        const struct container_config *config = rows->items[i].config;

        for (size_t j = 0; config != NULL && j < config->requires.count; j++) {
            const struct container_row *required =
                bsearch(config->requires.items[j], rows->items, rows->count, sizeof(*rows->items),
                        compare_id);

            if (required != NULL)
                has_changed |= visit(owner, i, (size_t)(required - rows->items));
        }
    }
    return has_changed;
}

static bool add_dependant(void *owner, size_t dependant, size_t required)
{
    bool *chosen = owner;

    if (!chosen[required] || chosen[dependant])
        return false;
    chosen[dependant] = true;
    return true;
}

void depend_add_dependants(const struct container_rows *rows, bool *chosen)
{
    while (walk(rows, add_dependant, chosen))
        continue;
}

struct ranking {
    const bool *chosen;
    enum depend_order order;
    uint32_t *ranks;
};

/* Who comes later has a greater rank than who comes before. */
static bool push_back(void *owner, size_t dependant, size_t required)
{
    struct ranking *ranking = owner;
    bool is_required_first = ranking->order == DEPEND_REQUIRED_FIRST;
    size_t before = is_required_first ? required : dependant;
    size_t after = is_required_first ? dependant : required;

    if (!ranking->chosen[before] || !ranking->chosen[after] ||
        ranking->ranks[after] > ranking->ranks[before])
        return false;
    ranking->ranks[after] = ranking->ranks[before] + 1;
    return true;
}

uint32_t depend_rank(const struct container_rows *rows, const bool *chosen, enum depend_order order,
                     uint32_t *ret_ranks)
{
    struct ranking ranking = { .chosen = chosen, .order = order, .ranks = ret_ranks };
    uint32_t count = 1;

    memset(ret_ranks, 0, rows->count * sizeof(*ret_ranks));
    /* No chain is longer than there are containers; a ring, which no worker lets be, ends too. */
    for (size_t i = 0; order != DEPEND_NO_ORDER && i < rows->count; i++) {
        if (!walk(rows, push_back, &ranking))
            break;
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (chosen[i] && ret_ranks[i] >= count)
            count = ret_ranks[i] + 1;
    }
    return count;
}
