/*
 * Volumes of a host: directories that outlive the containers which use them. What they are, what
 * can be asked for them, what happens to them (BEHAVIOUR 14).
 */
#ifndef GANTRY_SCHEMAS_VOLUMES_H
#define GANTRY_SCHEMAS_VOLUMES_H

#include "schemas/schema.h"

struct volume {
    char *name;              /* unique on its host; name_is_valid() */
    struct text_map options; /* "type", "device", "o" of mount(8); none: a directory of the host */
    struct text_map labels;
    bool is_anonymous; /* made for one container, and removed with it by `rm --volumes` */
    char *container;   /* that one's id */
    struct maybe_u32 uid;
    struct maybe_u32 gid;
};

/* A row of the view; its key is "<host>/<name>". */
struct volume_row {
    char *host;
    uint64_t created; /* ns since 1970 */
    struct volume *volume;
    uint64_t pos; /* of the latest record about it; in a worker its journal_seq */
};

/* volume.create */
struct volume_create {
    struct volume *volume;
    bool or_there; /* it is no failure when there is one of this name */
};

/* volume.remove */
struct volume_remove {
    char *name;
    bool force; /* it is no failure when there is none */
};

/* volume.prune has no fields: all that no container uses go. */

/* volume.created */
struct volume_created {
    struct volume *volume;
};

/* volume.removed */
struct volume_removed {
    char *name;
};

extern const struct schema volume_schema;
extern const struct schema volume_row_schema;
extern const struct schema volume_create_schema;
extern const struct schema volume_remove_schema;
extern const struct schema volume_prune_schema;
extern const struct schema volume_created_schema;
extern const struct schema volume_removed_schema;

#endif
