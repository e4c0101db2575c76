/* Which function carries out which errand; see the header. */
#include "worker/errand_table.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/io/kill_point.h"

/* An errand that the hands are at. */
struct pending {
    uint64_t number;
    enum storage_operation operation;
    struct pull_progress *progress;
    errand_done_fn *done;
    void *owner;
};

/* clang-format off */
static const struct errand_entry {
    enum hands_storage_kind kind;
    const char *name;
} entries[] = {
    [STORAGE_OPERATION_PULL]          = { HANDS_PULL,          "pull-image" },
    [STORAGE_OPERATION_LOAD]          = { HANDS_LOAD,          "load-image" },
    [STORAGE_OPERATION_IMPORT]        = { HANDS_IMPORT,        "import-image" },
    [STORAGE_OPERATION_REMOVE_IMAGE]  = { HANDS_REMOVE_IMAGE,  "remove-image" },
    [STORAGE_OPERATION_PRUNE_IMAGES]  = { HANDS_REMOVE_IMAGE,  "remove-image" },
    [STORAGE_OPERATION_CREATE_VOLUME] = { HANDS_CREATE_VOLUME, "create-volume" },
    [STORAGE_OPERATION_REMOVE_VOLUME] = { HANDS_REMOVE_VOLUME, "remove-volume" },
    [STORAGE_OPERATION_PRUNE_VOLUMES] = { HANDS_REMOVE_VOLUME, "remove-volume" },
};
/* clang-format on */

static void on_done(void *owner, const struct hands_result *from)
{
    autofree struct pending *pending = owner;
    struct errand_result result = {
        .code = from->code,
        .failure = from->failure,
        .text = from->text,
        .images = from->images,
        .image_count = from->image_count,
    };

    kill_point("after", entries[pending->operation].name, NULL);
    pull_progress_end(pending->progress, pending->number);
    pending->done(pending->owner, pending->number, &result);
}

static const char *item_of(const struct errand *errand)
{
    return errand->index < errand->items.count ? errand->items.items[errand->index] : NULL;
}

static struct hands_storage request_of(const struct engine *engine, const struct errand *errand)
{
    const union errand_body *body = &errand->body;
    struct hands_storage request = { .kind = entries[errand->operation].kind };
    const struct volume_row *row;

    if (request.kind == HANDS_PULL)
        request.pull = &body->pull;
    else if (request.kind == HANDS_LOAD)
        request.load = &body->load;
    else if (request.kind == HANDS_IMPORT)
        request.import = &body->import;
    else if (request.kind == HANDS_REMOVE_IMAGE)
        request.image = item_of(errand);
    else if (request.kind == HANDS_CREATE_VOLUME)
        request.volume = body->create_volume.volume;
    if (request.kind != HANDS_REMOVE_VOLUME)
        return request;
    row = engine_volume(engine, item_of(errand));
    assert(row != NULL);
    request.volume = row->volume;
    return request;
}

void errand_begin(struct hands *hands, const struct engine *engine, const struct errand *errand,
                  struct pull_progress *progress, errand_done_fn *done, void *owner)
{
    struct pending *pending = mem_new(struct pending);
    struct hands_storage request = request_of(engine, errand);

    pending->number = errand->pos;
    pending->operation = errand->operation;
    pending->progress = progress;
    pending->done = done;
    pending->owner = owner;
    kill_point("before", entries[errand->operation].name, NULL);
    if (request.kind == HANDS_PULL)
        request.progress_fd = pull_progress_begin(progress, errand->pos);
    hands_store(hands, &request, on_done, pending);
    if (request.progress_fd > 0)
        (void)close(request.progress_fd); /* the step has its own */
}
