/*
 * What this host stores: its images and volumes, as rows that the fold of their events gives.
 *
 * Whether one is in use is asked of the containers each time, never counted. One that is being
 * removed (`is_going`) is there for nobody new.
 *
 * Owner: the ledger.
 */
#ifndef GANTRY_WORKER_CORE_STOCK_H
#define GANTRY_WORKER_CORE_STOCK_H

#include <stdbool.h>

#include <uthash.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/fleet/refusal.h"
#include "common/id.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

struct command;
struct ledger;
struct operation;
struct step_result;
struct unit;

struct stock_image {
    struct image_row row;
    struct arena arena; /* of its parts */
    bool is_going;
    UT_hash_handle hh; /* by id */
};

struct stock_volume {
    struct volume_row row;
    struct arena arena;
    bool is_going;
    UT_hash_handle hh; /* by name */
};

struct stock {
    struct stock_image *images;
    struct stock_volume *volumes;
};

void stock_done(struct stock *stock);

/* Take a row of the journal. -EBADMSG. */
int stock_load_image(struct stock *stock, struct bytes value, struct error *err);
int stock_load_volume(struct stock *stock, struct bytes value, struct error *err);

/* The image that a text means: a name of this host's or of a registry, a digest, an id or the
 * beginning of one. FAILURE_NONE, or why none or too many are meant, also in `why`. */
enum failure stock_find_image(const struct ledger *ledger, const char *text,
                              struct stock_image **ret, struct refusal *why);
struct stock_image *stock_image_of_id(const struct stock *stock, const char *id);
struct stock_volume *stock_volume_of_name(const struct stock *stock, const char *name);

/* Journal that it is there, and keep it; one that is known already only gets further names. A name
 * that another image has goes over to this one. */
void stock_add_image(struct ledger *ledger, const struct image *image, struct command_id cause);
void stock_set_names(struct ledger *ledger, struct stock_image *image,
                     const struct text_list *names, struct command_id cause);
void stock_drop_image(struct ledger *ledger, struct stock_image *image, struct command_id cause);
void stock_add_volume(struct ledger *ledger, const struct volume *volume, struct command_id cause);
void stock_drop_volume(struct ledger *ledger, struct stock_volume *volume, struct command_id cause);

/* The id of a container that is made from the image or uses the volume, `but` one (or NULL). NULL:
 * nobody does. */
const char *stock_image_user(const struct ledger *ledger, const char *id);
const char *stock_volume_user(const struct ledger *ledger, const char *name,
                              const struct unit *but);

/* A container is to be created: find its image, if it is here, and fill in the configuration; name
 * its anonymous volumes. FAILURE_NONE, or why not, also in `why`. */
enum failure stock_take(struct ledger *ledger, struct unit *unit, struct command *create,
                        struct refusal *why);

/* Whether its image is to be pulled first. */
bool stock_wants_pull(const struct command *create);

/* A step of the operation has succeeded: take the image that it has brought, if any, and the word.
 * FAILURE_NONE, or why the operation cannot go on with it, also in `why`. */
enum failure stock_take_result(struct ledger *ledger, struct unit *unit,
                               struct operation *operation, const struct step_result *result,
                               struct refusal *why);

/* At the start: the same for a create that had begun, with the image that it had found then. */
void stock_take_up(struct ledger *ledger, struct unit *unit);

/* It is created: its volumes are there now. */
void stock_created(struct ledger *ledger, const struct unit *unit,
                   const struct operation *operation);

/* The volumes that go with the container when the operation ends it: names, in `arena`. */
struct text_list stock_doomed_volumes(const struct ledger *ledger, const struct unit *unit,
                                      const struct operation *operation, struct arena *arena);

/* It is removed, and these volumes with it. */
void stock_removed(struct ledger *ledger, const struct unit *unit,
                   const struct operation *operation);

#endif
