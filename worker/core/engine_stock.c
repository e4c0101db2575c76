/* What the engine tells of images, volumes and errands; see engine.h. */
#include <string.h>

#include "worker/core/engine_state.h"

struct unit *engine_unit(const struct engine *engine, const char *id)
{
    struct unit *unit = NULL;

    HASH_FIND(by_id, engine->ledger.units, id, strlen(id), unit);
    return unit;
}

const struct image_row *engine_image(const struct engine *engine, const char *id)
{
    const struct stock_image *image = stock_image_of_id(&engine->ledger.stock, id);

    return image == NULL ? NULL : &image->row;
}

const struct volume_row *engine_volume(const struct engine *engine, const char *name)
{
    const struct stock_volume *volume = stock_volume_of_name(&engine->ledger.stock, name);

    return volume == NULL ? NULL : &volume->row;
}

const struct errand *engine_errand(const struct engine *engine, uint64_t number)
{
    return errands_find(&engine->ledger.errands, number);
}

const struct image_row *engine_find_image(const struct engine *engine, const char *text)
{
    struct stock_image *image = NULL;
    struct refusal why;

    if (stock_find_image(&engine->ledger, text, &image, &why) != FAILURE_NONE)
        return NULL;
    return &image->row;
}

void engine_walk_images(const struct engine *engine,
                        void (*visit)(void *owner, const struct image_row *row), void *owner)
{
    const struct stock_image *image = engine->ledger.stock.images;

    for (; image != NULL; image = image->hh.next)
        visit(owner, &image->row);
}

void engine_walk_volumes(const struct engine *engine,
                         void (*visit)(void *owner, const struct volume_row *row), void *owner)
{
    const struct stock_volume *volume = engine->ledger.stock.volumes;

    for (; volume != NULL; volume = volume->hh.next)
        visit(owner, &volume->row);
}

static bool is_in(const struct errand_list *list, uint64_t pos)
{
    const struct errand *errand;

    TAILQ_FOREACH(errand, list, link)
    {
        if (errand->pos == pos)
            return true;
    }
    return false;
}

bool engine_has_errand(const struct engine *engine, uint64_t pos)
{
    return is_in(&engine->ledger.errands.images, pos) ||
           is_in(&engine->ledger.errands.volumes, pos);
}

static void visit_errands(const struct errand_list *list,
                          void (*visit)(void *owner, const char *upload), void *owner)
{
    const struct errand *errand;

    TAILQ_FOREACH(errand, list, link)
    {
        if (errand_upload(errand) != NULL)
            visit(owner, errand_upload(errand));
    }
}

void engine_walk_uploads(const struct engine *engine,
                         void (*visit)(void *owner, const char *upload), void *owner)
{
    const struct unit *unit = engine->ledger.units;
    const struct command *command;

    visit_errands(&engine->ledger.errands.images, visit, owner);
    for (; unit != NULL; unit = unit->by_id.next) {
        if (unit->current.command != NULL && unit->current.command->copy != NULL)
            visit(owner, unit->current.command->copy->upload);
        TAILQ_FOREACH(command, &unit->waiting, link)
        {
            if (command->copy != NULL)
                visit(owner, command->copy->upload);
        }
    }
}

struct text_list engine_doomed_volumes(const struct engine *engine, const char *id,
                                       struct arena *arena)
{
    const struct unit *unit = engine_unit(engine, id);

    if (unit == NULL || unit->flying == NULL)
        return (struct text_list){ 0 };
    return stock_doomed_volumes(&engine->ledger, unit, unit->flying, arena);
}

const struct command *engine_command_of(const struct engine *engine, const char *id)
{
    const struct unit *unit = engine_unit(engine, id);

    return unit == NULL || unit->flying == NULL ? NULL : unit->flying->command;
}
