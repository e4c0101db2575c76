/* The start; see the header. */
#include "worker/recovery.h"

#include <stdlib.h>

#include "common/io/log.h"
#include "common/mem.h"

/* Who is told of what is found. */
struct adoption {
    struct engine *engine;
    struct hands *hands;
};

static int load_container(void *owner, struct bytes value, struct error *err)
{
    return engine_load_container(owner, value, err);
}

static int load_image(void *owner, struct bytes value, struct error *err)
{
    return engine_load_image(owner, value, err);
}

static int load_volume(void *owner, struct bytes value, struct error *err)
{
    return engine_load_volume(owner, value, err);
}

static int load_command(void *owner, struct bytes value, struct error *err)
{
    return engine_load_command(owner, value, err);
}

static int load_unit(void *owner, struct bytes value, struct error *err)
{
    return engine_load_unit(owner, value, err);
}

int recovery_load(struct journal *journal, const char *host, struct engine **ret, struct error *err)
{
    const struct journal_state *state = journal_state(journal);
    struct engine_settings settings = { .host = host,
                                        .incarnation = state->incarnation,
                                        .last_seq = state->last_seq,
                                        .cursor = state->cursor };
    autodestroy(engine) struct engine *engine = engine_new(&settings);
    int r = journal_load(journal, JOURNAL_IMAGES, load_image, engine, err);

    if (r == 0)
        r = journal_load(journal, JOURNAL_VOLUMES, load_volume, engine, err);
    if (r == 0)
        r = journal_load(journal, JOURNAL_CONTAINERS, load_container, engine, err);
    if (r == 0)
        r = journal_load(journal, JOURNAL_COMMANDS, load_command, engine, err);
    if (r == 0)
        r = journal_load(journal, JOURNAL_UNITS, load_unit, engine, err);
    if (r < 0)
        return error_add_context(err, r, "load the journal");
    *ret = steal_ptr(engine);
    return 0;
}

static void adopt(void *owner, const struct engine_container *container)
{
    struct adoption *adoption = owner;
    const struct container_row *row = container->row;
    struct hands_container subject = { .id = container->id,
                                       .run = row->run,
                                       .config = container->config,
                                       .runtime = row->runtime,
                                       .created = row->created,
                                       .pid = row->pid,
                                       .pid_started = row->pid_started };
    struct error err = { 0 };
    bool is_alive = false;

    if (!container->is_live)
        return;
    if (hands_adopt(adoption->hands, &subject, row->conmon_pid, row->conmon_started, &is_alive,
                    &err) < 0) {
        /* Its exit file still tells of its end. One container must not keep the others waiting. */
        (void)error_add_context(&err, err.code, "container %s", container->id);
        log_failure("container.not_adopted", &err);
        return;
    }
    log_info(is_alive ? "container.adopted" : "container.gone", "container=%s run=%u pid=%u",
             container->id, row->run, row->pid);
    if (!is_alive)
        engine_set_lost(adoption->engine, container->id);
}

void recovery_adopt(struct engine *engine, struct hands *hands)
{
    struct adoption adoption = { .engine = engine, .hands = hands };

    engine_walk(engine, adopt, &adoption);
}

static void find_exit(void *owner, const struct engine_container *container)
{
    struct adoption *adoption = owner;
    uint32_t run = container->row->run;
    struct container_died died;

    if (!container->is_live || !hands_find_exit(adoption->hands, container->id, run, &died))
        return;
    log_info("container.exit_kept", "container=%s run=%u code=%d unknown=%d", container->id, run,
             died.exit_code, died.is_unknown);
    engine_set_exit(adoption->engine, container->id, run, &died);
}

void recovery_find_exits(struct engine *engine, struct hands *hands)
{
    struct adoption adoption = { .engine = engine, .hands = hands };

    engine_walk(engine, find_exit, &adoption);
}

/* A growing list of borrowed texts. */
struct texts {
    const char **items;
    size_t count;
};

static void add(struct texts *texts, const char *text)
{
    texts->items = mem_resized(texts->items, (texts->count + 1) * sizeof(*texts->items));
    texts->items[texts->count++] = text;
}

static void add_image(void *owner, const struct image_row *row)
{
    add(owner, row->image->id);
}

static void add_volume(void *owner, const struct volume_row *row)
{
    add(owner, row->volume->name);
}

static void add_upload(void *owner, const char *upload)
{
    add(owner, upload);
}

static void add_container(void *owner, const struct engine_container *container)
{
    add(owner, container->id);
}

int recovery_sweep(struct engine *engine, struct hands *hands, bool is_new_boot, struct error *err)
{
    struct texts images = { 0 };
    struct texts volumes = { 0 };
    struct texts uploads = { 0 };
    struct texts containers = { 0 };
    struct hands_known known = { .is_new_boot = is_new_boot };
    int r;

    engine_walk_images(engine, add_image, &images);
    engine_walk_volumes(engine, add_volume, &volumes);
    engine_walk_uploads(engine, add_upload, &uploads);
    engine_walk(engine, add_container, &containers);
    known.images = images.items;
    known.image_count = images.count;
    known.volumes = volumes.items;
    known.volume_count = volumes.count;
    known.uploads = uploads.items;
    known.upload_count = uploads.count;
    known.containers = containers.items;
    known.container_count = containers.count;
    r = hands_sweep(hands, &known, err);
    free(images.items);
    free(volumes.items);
    free(uploads.items);
    free(containers.items);
    return r;
}

int recovery_sweep_uploads(struct engine *engine, struct hands *hands, struct error *err)
{
    struct texts uploads = { 0 };
    int r;

    engine_walk_uploads(engine, add_upload, &uploads);
    r = hands_sweep_uploads(hands, uploads.items, uploads.count, err);
    free(uploads.items);
    return r;
}
