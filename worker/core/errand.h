/*
 * Commands about images and volumes: what waits, what is carried out, how it ends.
 *
 * Those about images are carried out one after the other in the order in which they came, and so
 * are those about volumes. Each is safe to be done twice: a worker that was killed in the middle
 * begins it anew, from the command that its journal keeps. Of a removal or a prune, each item is an
 * action of its own and journalled when it is gone.
 *
 * Owner: the ledger.
 */
#ifndef GANTRY_WORKER_CORE_ERRAND_H
#define GANTRY_WORKER_CORE_ERRAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/fleet/refusal.h"
#include "common/fleet/storage_check.h"
#include "schemas/images.h"
#include "schemas/record.h"
#include "schemas/volumes.h"

/* That have no outcome yet; beyond, they are refused as busy. */
#define ERRANDS_MAX 256

struct ledger;

union errand_body {
    struct nothing nothing;
    struct image_pull pull;
    struct image_load load;
    struct image_import import;
    struct image_tag tag;
    struct image_remove remove_image;
    struct image_prune prune_images;
    struct volume_create create_volume;
    struct volume_remove remove_volume;
};

struct errand {
    TAILQ_ENTRY(errand) link;
    uint64_t pos; /* in the log: its name in the journal */
    struct command_id id;
    uint64_t deadline; /* ns since 1970; 0: none */
    char *type;
    enum storage_operation operation;
    union errand_body body;
    struct text_list items;   /* what a removal is about: ids of images, names of volumes */
    size_t index;             /* of the one that is being removed */
    struct text_list results; /* of the outcome */
    bool is_in_flight;
    struct arena arena;
};

TAILQ_HEAD(errand_list, errand);

struct errands {
    struct errand_list images;
    struct errand_list volumes;
    unsigned count;
};

/* What came of the action. Borrowed for the call. */
struct errand_result {
    int code; /* 0 or a negative errno */
    enum failure failure;
    const char *text;
    const struct image *const *images; /* of a pull, a load or an import */
    size_t image_count;
};

void errands_init(struct errands *errands);
void errands_done(struct errands *errands);

/* Read and check a command and let it wait. FAILURE_NONE, or why not, also in `why`. */
enum failure errands_take(struct ledger *ledger, const struct record *record, struct refusal *why);

/* Begin what can begin. */
void errands_settle(struct ledger *ledger);

/* End one that is not in flight, without its having begun. */
void errands_cancel(struct ledger *ledger, struct errand *errand);

/* The one in flight at this position; NULL when there is none. */
struct errand *errands_find(const struct errands *errands, uint64_t pos);

/* Its action has ended. */
void errands_result(struct ledger *ledger, struct errand *errand,
                    const struct errand_result *result);

/* The upload that it takes; NULL: none. */
const char *errand_upload(const struct errand *errand);

#endif
