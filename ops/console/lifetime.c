/* A container's life; see the header. */
#include "ops/console/lifetime.h"

#include <string.h>

#include "ops/console/watch.h"
#include "schemas/codec.h"
#include "schemas/events.h"

static void note_state(struct lifetime *lifetime, enum container_state state)
{
    lifetime->state = state;
    if ((lifetime->wanted & 1U << state) != 0)
        lifetime->is_reached = true;
}

static int note_exit(struct lifetime *lifetime, const struct record *record, struct arena *arena,
                     struct error *err)
{
    struct container_died died = { 0 };
    int r = schema_decode(&container_died_schema, record->body.bytes, &died, arena, err);

    if (r < 0)
        return r;
    lifetime->has_exited = true;
    lifetime->exit_unknown = died.is_unknown;
    lifetime->exit_code = died.exit_code;
    return 0;
}

static int apply(struct lifetime *lifetime, const struct record *record, struct arena *arena,
                 struct error *err)
{
    enum container_event event =
        record->kind == RECORD_EVENT ? container_event_of(record->type) : CONTAINER_EVENT_NONE;
    enum container_state after;
    int r = 0;

    if (strcmp(record->type, container_lost_schema.name) == 0)
        lifetime->is_removed = lifetime->is_lost = true;
    if (event == CONTAINER_EVENT_NONE)
        return 0;
    if (event == CONTAINER_EVENT_INITIALIZED)
        lifetime->has_exited = false;
    if (event == CONTAINER_EVENT_DIED)
        r = note_exit(lifetime, record, arena, err);
    if (event == CONTAINER_EVENT_REMOVED)
        lifetime->is_removed = true;
    after = container_state_after(lifetime->state, event);
    if (after != CONTAINER_STATE_COUNT)
        note_state(lifetime, after);
    return r;
}

struct lifetime lifetime_of_row(const struct container_row *row, uint64_t pos, uint32_t wanted,
                                struct arena *arena)
{
    struct lifetime lifetime = {
        .container = arena_text(arena, row->id),
        .cursor = pos,
        .wanted = wanted,
        .has_exited = row->has_exited,
        .exit_unknown = row->exit_unknown,
        .exit_code = row->exit_code,
    };

    note_state(&lifetime, (enum container_state)row->state);
    return lifetime;
}

int lifetime_follow(struct console *console, struct lifetime *lifetime, unsigned wait_ms,
                    struct error *err)
{
    autoarena arena = { 0 };
    struct watch watch = {
        .cursor = lifetime->cursor,
        .wait_ms = wait_ms,
        .containers = { .items = &lifetime->container, .count = 1 },
        .kind = RECORD_EVENT,
    };
    struct watch_page page;
    int r = watch_next(console, &watch, &arena, &page, err);

    if (r < 0)
        return r;
    lifetime->cursor = watch.cursor;
    for (size_t i = 0; i < page.count; i++) {
        if (lifetime->is_reached || lifetime->is_removed) {
            lifetime->cursor = page.records[i].pos - 1; /* whoever asks for more gets the rest */
            return 0;
        }
        r = apply(lifetime, &page.records[i], &arena, err);
        if (r < 0)
            return r;
    }
    return 0;
}
