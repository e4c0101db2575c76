/* Volumes of a host; see the header. This page is the protocol. */
#include "schemas/volumes.h"

/* clang-format off */
static const struct field volume_fields[] = {
    FIELD(struct volume, name,         "name",      true),
    FIELD(struct volume, options,      "options",   false),
    FIELD(struct volume, labels,       "labels",    false),
    FIELD(struct volume, is_anonymous, "anonymous", false),
    FIELD(struct volume, container,    "container", false),
    FIELD(struct volume, uid,          "uid",       false),
    FIELD(struct volume, gid,          "gid",       false),
};

const struct schema volume_schema = SCHEMA("volume", struct volume, volume_fields);

static const struct field volume_row_fields[] = {
    FIELD(struct volume_row, host,           "host",    true),
    FIELD(struct volume_row, created,        "created", false),
    FIELD_MESSAGE(struct volume_row, volume, "volume",  true, &volume_schema),
    FIELD(struct volume_row, pos,            "pos",     false),
};

static const struct field volume_create_fields[] = {
    FIELD_MESSAGE(struct volume_create, volume, "volume",   true, &volume_schema),
    FIELD(struct volume_create, or_there,       "or_there", false),
};

static const struct field volume_remove_fields[] = {
    FIELD(struct volume_remove, name,  "name",  true),
    FIELD(struct volume_remove, force, "force", false),
};

static const struct field volume_created_fields[] = {
    FIELD_MESSAGE(struct volume_created, volume, "volume", true, &volume_schema),
};

static const struct field volume_removed_fields[] = {
    FIELD(struct volume_removed, name, "name", true),
};

const struct schema volume_row_schema = SCHEMA("volume_row", struct volume_row, volume_row_fields);
const struct schema volume_create_schema =
    SCHEMA("volume.create", struct volume_create, volume_create_fields);
const struct schema volume_remove_schema =
    SCHEMA("volume.remove", struct volume_remove, volume_remove_fields);
const struct schema volume_prune_schema = SCHEMA_EMPTY("volume.prune");
const struct schema volume_created_schema =
    SCHEMA("volume.created", struct volume_created, volume_created_fields);
const struct schema volume_removed_schema =
    SCHEMA("volume.removed", struct volume_removed, volume_removed_fields);
/* clang-format on */
