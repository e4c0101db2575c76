/* Commands about images and volumes; see the header. */
#include "worker/core/errand.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/image_name.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/registry.h"
#include "worker/core/ledger.h"
#include "worker/core/stock.h"

void errands_init(struct errands *errands)
{
    TAILQ_INIT(&errands->images);
    TAILQ_INIT(&errands->volumes);
}

static void destroy(struct errand *errand)
{
    arena_done(&errand->arena);
    free(errand);
}

static void drop_all(struct errand_list *list)
{
    struct errand *errand;

    while ((errand = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, errand, link);
        destroy(errand);
    }
}

void errands_done(struct errands *errands)
{
    drop_all(&errands->images);
    drop_all(&errands->volumes);
}

static bool is_of_volumes(const struct errand *errand)
{
    return errand->operation == STORAGE_OPERATION_CREATE_VOLUME ||
           errand->operation == STORAGE_OPERATION_REMOVE_VOLUME ||
           errand->operation == STORAGE_OPERATION_PRUNE_VOLUMES;
}

static struct errand_list *list_of(struct errands *errands, const struct errand *errand)
{
    return is_of_volumes(errand) ? &errands->volumes : &errands->images;
}

static enum failure read_body(struct errand *errand, const struct record *record,
                              struct refusal *why)
{
    const struct schema *schema = registry_find(MESSAGE_COMMAND, record->type);
    struct error err = { 0 };

    if (schema_decode(schema, record->body.bytes, &errand->body, &errand->arena, &err) < 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT, "%s: %s", record->type, err.text);
    return storage_command_check(record->type, &errand->body, why);
}

enum failure errands_take(struct ledger *ledger, const struct record *record, struct refusal *why)
{
    struct errands *errands = &ledger->errands;
    struct errand *errand;
    enum failure failure;

    if (errands->count >= ERRANDS_MAX)
        return refuse(why, FAILURE_BUSY,
                      "%d commands about images and volumes wait for host %s: ask again later",
                      ERRANDS_MAX, ledger->host);
    errand = mem_new(struct errand);
    errand->pos = record->pos;
    errand->id = record->id;
    errand->deadline = record->deadline;
    errand->operation = storage_operation_of(record->type);
    errand->type = arena_text(&errand->arena, record->type);
    failure = read_body(errand, record, why);
    if (failure != FAILURE_NONE) {
        destroy(errand);
        return failure;
    }
    TAILQ_INSERT_TAIL(list_of(errands, errand), errand, link);
    errands->count++;
    return FAILURE_NONE;
}

const char *errand_upload(const struct errand *errand)
{
    if (errand->operation == STORAGE_OPERATION_LOAD)
        return errand->body.load.upload;
    if (errand->operation == STORAGE_OPERATION_IMPORT)
        return errand->body.import.upload;
    return NULL;
}

/* Frees it. */
static void end(struct ledger *ledger, struct errand *errand, enum outcome outcome,
                const struct refusal *why)
{
    const char *upload = errand_upload(errand);

    ledger_errand_outcome(ledger, errand, outcome, why);
    if (upload != NULL)
        ledger_forget_upload(ledger, upload);
    TAILQ_REMOVE(list_of(&ledger->errands, errand), errand, link);
    ledger->errands.count--;
    destroy(errand);
}

static void end_well(struct ledger *ledger, struct errand *errand)
{
    end(ledger, errand, OUTCOME_DONE, NULL);
}

static void turn_down(struct ledger *ledger, struct errand *errand, const struct refusal *why)
{
    end(ledger, errand, OUTCOME_REFUSED, why);
}

static void act(struct ledger *ledger, struct errand *errand)
{
    errand->is_in_flight = true;
    ledger_ask_errand(ledger, errand);
}

static void add_text(struct errand *errand, struct text_list *list, const char *text)
{
    char **items = arena_zeroed(&errand->arena, (list->count + 1) * sizeof(*items));

    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    items[list->count] = arena_text(&errand->arena, text);
    *list = (struct text_list){ .items = items, .count = list->count + 1 };
}

static void begin_pull(struct ledger *ledger, struct errand *errand)
{
    const struct image_pull *pull = &errand->body.pull;
    const char *policy = pull->policy == NULL ? "always" : pull->policy;
    struct stock_image *image = NULL;
    struct refusal why;

    if (strcmp(policy, "always") != 0 &&
        stock_find_image(ledger, pull->reference, &image, &why) == FAILURE_NONE) {
        add_text(errand, &errand->results, image->row.image->id);
        end_well(ledger, errand);
    } else if (strcmp(policy, "never") == 0) {
        turn_down(ledger, errand, &why);
    } else {
        act(ledger, errand);
    }
}

static bool is_called(struct errand *errand, const char *name, const char *typed)
{
    return strcmp(name, image_name_local(typed, &errand->arena)) == 0 ||
           strcmp(name, image_name_registry(typed, &errand->arena)) == 0;
}

/* Its names without those that were typed; none were typed: without all. */
static struct text_list other_names(struct errand *errand, const struct image *image,
                                    const struct text_list *typed)
{
    struct text_list names = { 0 };

    for (size_t i = 0; i < image->names.count; i++) {
        bool is_meant = typed->count == 0;

        for (size_t j = 0; j < typed->count && !is_meant; j++)
            is_meant = is_called(errand, image->names.items[i], typed->items[j]);
        if (!is_meant)
            add_text(errand, &names, image->names.items[i]);
    }
    return names;
}

static void begin_tag(struct ledger *ledger, struct errand *errand)
{
    const struct image_tag *tag = &errand->body.tag;
    struct stock_image *image = NULL;
    struct text_list names;
    struct refusal why;

    if (stock_find_image(ledger, tag->image, &image, &why) != FAILURE_NONE) {
        turn_down(ledger, errand, &why);
        return;
    }
    add_text(errand, &errand->results, image->row.image->id);
    if (errand->operation == STORAGE_OPERATION_UNTAG) {
        names = other_names(errand, image->row.image, &tag->names);
        stock_set_names(ledger, image, &names, errand->id);
    } else {
        struct image named = *image->row.image;

        named.names = (struct text_list){ 0 };
        for (size_t i = 0; i < tag->names.count; i++)
            add_text(errand, &named.names, image_name_local(tag->names.items[i], &errand->arena));
        stock_add_image(ledger, &named, errand->id);
    }
    end_well(ledger, errand);
}

/* The name that the text means, when it means one of several: then only that one goes. */
static char *name_alone(struct errand *errand, const struct image *image, const char *text)
{
    char *local = image_name_local(text, &errand->arena);
    char *fetched = image_name_registry(text, &errand->arena);

    if (image->names.count < 2 || local == NULL)
        return NULL;
    for (size_t i = 0; i < image->names.count; i++) {
        if (strcmp(image->names.items[i], local) == 0)
            return local;
    }
    for (size_t i = 0; i < image->names.count; i++) {
        if (strcmp(image->names.items[i], fetched) == 0)
            return fetched;
    }
    return NULL;
}

static void begin_remove_image(struct ledger *ledger, struct errand *errand)
{
    const struct image_remove *remove = &errand->body.remove_image;
    struct stock_image *image = NULL;
    struct refusal why;
    const char *user;
    char *name;

    if (stock_find_image(ledger, remove->image, &image, &why) != FAILURE_NONE) {
        turn_down(ledger, errand, &why);
        return;
    }
    name = remove->force ? NULL : name_alone(errand, image->row.image, remove->image);
    if (name != NULL) {
        struct text_list typed = { .items = &name, .count = 1 };
        struct text_list names = other_names(errand, image->row.image, &typed);

        stock_set_names(ledger, image, &names, errand->id);
        end_well(ledger, errand);
        return;
    }
    user = stock_image_user(ledger, image->row.image->id);
    if (user != NULL) {
        (void)refuse(&why, FAILURE_IMAGE_IN_USE,
                     "image %s of host %s is used by container %.12s: remove that one first",
                     remove->image, ledger->host, user);
        turn_down(ledger, errand, &why);
        return;
    }
    image->is_going = true;
    add_text(errand, &errand->items, image->row.image->id);
    act(ledger, errand);
}

static void begin_prune_images(struct ledger *ledger, struct errand *errand)
{
    bool all = errand->body.prune_images.all;

    for (struct stock_image *image = ledger->stock.images; image != NULL; image = image->hh.next) {
        if ((!all && image->row.image->names.count > 0) || image->is_going ||
            stock_image_user(ledger, image->row.image->id) != NULL)
            continue;
        image->is_going = true;
        add_text(errand, &errand->items, image->row.image->id);
    }
    if (errand->items.count == 0)
        end_well(ledger, errand);
    else
        act(ledger, errand);
}

static void begin_create_volume(struct ledger *ledger, struct errand *errand)
{
    const struct volume *volume = errand->body.create_volume.volume;
    struct refusal why;

    if (stock_volume_of_name(&ledger->stock, volume->name) == NULL) {
        act(ledger, errand);
        return;
    }
    add_text(errand, &errand->results, volume->name);
    if (errand->body.create_volume.or_there) {
        end_well(ledger, errand);
        return;
    }
    (void)refuse(&why, FAILURE_VOLUME_EXISTS,
                 "host %s has a volume %s already: choose another name, or remove that one",
                 ledger->host, volume->name);
    turn_down(ledger, errand, &why);
}

static void begin_remove_volume(struct ledger *ledger, struct errand *errand)
{
    const struct volume_remove *remove = &errand->body.remove_volume;
    struct stock_volume *volume = stock_volume_of_name(&ledger->stock, remove->name);
    const char *user = stock_volume_user(ledger, remove->name, NULL);
    struct refusal why;

    if (volume == NULL && remove->force) {
        end_well(ledger, errand);
        return;
    }
    if (volume == NULL)
        (void)refuse(&why, FAILURE_NO_VOLUME, "host %s has no volume %s", ledger->host,
                     remove->name);
    else if (user != NULL)
        (void)refuse(&why, FAILURE_VOLUME_IN_USE,
                     "volume %s of host %s is used by container %.12s: remove that one first",
                     remove->name, ledger->host, user);
    if (volume == NULL || user != NULL) {
        turn_down(ledger, errand, &why);
        return;
    }
    volume->is_going = true;
    add_text(errand, &errand->items, remove->name);
    act(ledger, errand);
}

static void begin_prune_volumes(struct ledger *ledger, struct errand *errand)
{
    for (struct stock_volume *volume = ledger->stock.volumes; volume != NULL;
         volume = volume->hh.next) {
        const char *name = volume->row.volume->name;

        if (volume->is_going || stock_volume_user(ledger, name, NULL) != NULL)
            continue;
        volume->is_going = true;
        add_text(errand, &errand->items, name);
    }
    if (errand->items.count == 0)
        end_well(ledger, errand);
    else
        act(ledger, errand);
}

typedef void begin_fn(struct ledger *ledger, struct errand *errand);

/* clang-format off */
static begin_fn *const begins[] = {
    [STORAGE_OPERATION_PULL]          = begin_pull,
    [STORAGE_OPERATION_LOAD]          = act,
    [STORAGE_OPERATION_IMPORT]        = act,
    [STORAGE_OPERATION_TAG]           = begin_tag,
    [STORAGE_OPERATION_UNTAG]         = begin_tag,
    [STORAGE_OPERATION_REMOVE_IMAGE]  = begin_remove_image,
    [STORAGE_OPERATION_PRUNE_IMAGES]  = begin_prune_images,
    [STORAGE_OPERATION_CREATE_VOLUME] = begin_create_volume,
    [STORAGE_OPERATION_REMOVE_VOLUME] = begin_remove_volume,
    [STORAGE_OPERATION_PRUNE_VOLUMES] = begin_prune_volumes,
};
/* clang-format on */

static void begin(struct ledger *ledger, struct errand *errand)
{
    struct refusal why;

    if (errand->deadline == 0 || ledger->now.wall_ns <= errand->deadline) {
        begins[errand->operation](ledger, errand);
        return;
    }
    (void)refuse(&why, FAILURE_EXPIRED, "%s: its deadline passed before it began", errand->type);
    end(ledger, errand, OUTCOME_EXPIRED, &why);
}

static void settle(struct ledger *ledger, struct errand_list *list)
{
    struct errand *errand;

    while ((errand = TAILQ_FIRST(list)) != NULL && !errand->is_in_flight)
        begin(ledger, errand);
}

void errands_settle(struct ledger *ledger)
{
    settle(ledger, &ledger->errands.images);
    settle(ledger, &ledger->errands.volumes);
}

void errands_cancel(struct ledger *ledger, struct errand *errand)
{
    struct refusal why;

    assert(!errand->is_in_flight);
    (void)refuse(&why, FAILURE_CANCELLED, "%s: it was cancelled before it began", errand->type);
    turn_down(ledger, errand, &why);
}

/* Only the first of each list can be in flight. */
struct errand *errands_find(const struct errands *errands, uint64_t pos)
{
    struct errand *first[] = { TAILQ_FIRST(&errands->images), TAILQ_FIRST(&errands->volumes) };

    for (size_t i = 0; i < 2; i++) {
        if (first[i] != NULL && first[i]->pos == pos && first[i]->is_in_flight)
            return first[i];
    }
    return NULL;
}

/* What was to go and has not gone stays. */
static void spare_rest(struct ledger *ledger, const struct errand *errand)
{
    for (size_t i = errand->index; i < errand->items.count; i++) {
        struct stock_image *image = stock_image_of_id(&ledger->stock, errand->items.items[i]);
        struct stock_volume *volume = stock_volume_of_name(&ledger->stock, errand->items.items[i]);

        if (image != NULL && !is_of_volumes(errand))
            image->is_going = false;
        if (volume != NULL && is_of_volumes(errand))
            volume->is_going = false;
    }
}

static void drop_item(struct ledger *ledger, struct errand *errand)
{
    const char *item = errand->items.items[errand->index];
    struct stock_image *image = stock_image_of_id(&ledger->stock, item);
    struct stock_volume *volume = stock_volume_of_name(&ledger->stock, item);

    if (!is_of_volumes(errand) && image != NULL)
        stock_drop_image(ledger, image, errand->id);
    if (is_of_volumes(errand) && volume != NULL)
        stock_drop_volume(ledger, volume, errand->id);
    add_text(errand, &errand->results, item);
    errand->index++;
}

/* A plain name that was pulled, or was asked for with an import, is the image's. */
static struct text_list names_of(struct errand *errand, const struct image *image)
{
    struct text_list names = { 0 };
    char *name = NULL;

    if (errand->operation == STORAGE_OPERATION_PULL)
        name = image_name_registry(errand->body.pull.reference, &errand->arena);
    else if (errand->operation == STORAGE_OPERATION_IMPORT)
        name = image_name_local(errand->body.import.reference, &errand->arena);
    else
        return image->names;
    if (name == NULL)
        return image->names;
    add_text(errand, &names, name);
    return names;
}

static void add_images(struct ledger *ledger, struct errand *errand,
                       const struct errand_result *result)
{
    for (size_t i = 0; i < result->image_count; i++) {
        struct image image = *result->images[i];

        image.names = names_of(errand, &image);
        stock_add_image(ledger, &image, errand->id);
        add_text(errand, &errand->results, image.id);
    }
}

static void succeed(struct ledger *ledger, struct errand *errand,
                    const struct errand_result *result)
{
    add_images(ledger, errand, result);
    if (errand->operation == STORAGE_OPERATION_CREATE_VOLUME) {
        stock_add_volume(ledger, errand->body.create_volume.volume, errand->id);
        add_text(errand, &errand->results, errand->body.create_volume.volume->name);
    }
    if (errand->index < errand->items.count)
        drop_item(ledger, errand);
    if (errand->index < errand->items.count)
        act(ledger, errand);
    else
        end_well(ledger, errand);
}

void errands_result(struct ledger *ledger, struct errand *errand,
                    const struct errand_result *result)
{
    struct refusal why;

    assert(errand->is_in_flight);
    errand->is_in_flight = false;
    if (result->code == 0) {
        succeed(ledger, errand, result);
        return;
    }
    spare_rest(ledger, errand);
    (void)refuse(&why, result->failure == FAILURE_NONE ? FAILURE_INTERNAL : result->failure,
                 "%s: %s", errand->type,
                 result->text == NULL ? strerror(-result->code) : result->text);
    end(ledger, errand, OUTCOME_FAILED, &why);
}
