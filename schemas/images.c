/* Images of a host; see the header. This page is the protocol. */
#include "schemas/images.h"

/* clang-format off */
static const struct field image_config_fields[] = {
    FIELD(struct image_config, entrypoint,    "entrypoint",    false),
    FIELD(struct image_config, command,       "command",       false),
    FIELD(struct image_config, env,           "env",           false),
    FIELD(struct image_config, user,          "user",          false),
    FIELD(struct image_config, workdir,       "workdir",       false),
    FIELD(struct image_config, volumes,       "volumes",       false),
    FIELD(struct image_config, exposed_ports, "exposed_ports", false),
    FIELD(struct image_config, stop_signal,   "stop_signal",   false),
    FIELD(struct image_config, labels,        "labels",        false),
};

const struct schema image_config_schema =
    SCHEMA("image_config", struct image_config, image_config_fields);

static const struct field image_layer_fields[] = {
    FIELD(struct image_layer, diff_id, "diff_id", true),
    FIELD(struct image_layer, size,    "size",    false),
};

const struct schema image_layer_schema =
    SCHEMA("image_layer", struct image_layer, image_layer_fields);

static const struct field image_fields[] = {
    FIELD(struct image, id,             "id",           true),
    FIELD(struct image, digest,         "digest",       false),
    FIELD(struct image, names,          "names",        false),
    FIELD(struct image, created,        "created",      false),
    FIELD(struct image, size,           "size",         false),
    FIELD(struct image, architecture,   "architecture", false),
    FIELD(struct image, os,             "os",           false),
    FIELD(struct image, author,         "author",       false),
    FIELD(struct image, comment,        "comment",      false),
    FIELD_LIST(struct image, layers,    "layers",       &image_layer_schema),
    FIELD_MESSAGE(struct image, config, "config",       false, &image_config_schema),
};

const struct schema image_schema = SCHEMA("image", struct image, image_fields);

static const struct field image_row_fields[] = {
    FIELD(struct image_row, host,          "host",  true),
    FIELD(struct image_row, added,         "added", false),
    FIELD_MESSAGE(struct image_row, image, "image", true, &image_schema),
    FIELD(struct image_row, pos,           "pos",   false),
};

static const struct field image_pull_fields[] = {
    FIELD(struct image_pull, reference,     "reference",     true),
    FIELD(struct image_pull, policy,        "policy",        false),
    FIELD(struct image_pull, authfile,      "authfile",      false),
    FIELD(struct image_pull, no_tls_verify, "no_tls_verify", false),
};

static const struct field image_load_fields[] = {
    FIELD(struct image_load, upload, "upload", false),
    FIELD(struct image_load, path,   "path",   false),
};

static const struct field image_import_fields[] = {
    FIELD(struct image_import, upload,    "upload",    false),
    FIELD(struct image_import, path,      "path",      false),
    FIELD(struct image_import, reference, "reference", false),
    FIELD(struct image_import, changes,   "changes",   false),
    FIELD(struct image_import, message,   "message",   false),
};

static const struct field image_tag_fields[] = {
    FIELD(struct image_tag, image, "image", true),
    FIELD(struct image_tag, names, "names", false),
};

static const struct field image_remove_fields[] = {
    FIELD(struct image_remove, image, "image", true),
    FIELD(struct image_remove, force, "force", false),
};

static const struct field image_prune_fields[] = {
    FIELD(struct image_prune, all, "all", false),
};

static const struct field container_commit_fields[] = {
    FIELD(struct container_commit, reference, "reference", false),
    FIELD(struct container_commit, author,    "author",    false),
    FIELD(struct container_commit, message,   "message",   false),
    FIELD(struct container_commit, changes,   "changes",   false),
    FIELD(struct container_commit, no_pause,  "no_pause",  false),
};

static const struct field image_added_fields[] = {
    FIELD_MESSAGE(struct image_added, image, "image", true, &image_schema),
};

static const struct field image_tagged_fields[] = {
    FIELD(struct image_tagged, id,    "id",    true),
    FIELD(struct image_tagged, names, "names", false),
};

static const struct field image_removed_fields[] = {
    FIELD(struct image_removed, id, "id", true),
};

const struct schema image_row_schema = SCHEMA("image_row", struct image_row, image_row_fields);
const struct schema image_pull_schema = SCHEMA("image.pull", struct image_pull, image_pull_fields);
const struct schema image_load_schema = SCHEMA("image.load", struct image_load, image_load_fields);
const struct schema image_import_schema =
    SCHEMA("image.import", struct image_import, image_import_fields);
const struct schema image_tag_schema = SCHEMA("image.tag", struct image_tag, image_tag_fields);
const struct schema image_untag_schema = SCHEMA("image.untag", struct image_tag, image_tag_fields);
const struct schema image_remove_schema =
    SCHEMA("image.remove", struct image_remove, image_remove_fields);
const struct schema image_prune_schema =
    SCHEMA("image.prune", struct image_prune, image_prune_fields);
const struct schema container_commit_schema =
    SCHEMA("container.commit", struct container_commit, container_commit_fields);
const struct schema image_added_schema =
    SCHEMA("image.added", struct image_added, image_added_fields);
const struct schema image_tagged_schema =
    SCHEMA("image.tagged", struct image_tagged, image_tagged_fields);
const struct schema image_removed_schema =
    SCHEMA("image.removed", struct image_removed, image_removed_fields);
/* clang-format on */
