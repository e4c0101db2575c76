/*
 * Images of a host: what they are, what can be asked for them, what happens to them.
 *
 * An image's id is the sha256 of its configuration, 64 hexadecimal digits, as podman's. Its names
 * are whole: "docker.io/library/busybox:latest" (common/image_name.h). A record about images has no
 * container, but for container.commit.
 */
#ifndef GANTRY_SCHEMAS_IMAGES_H
#define GANTRY_SCHEMAS_IMAGES_H

#include "schemas/schema.h"

/* What a container gets from its image when it does not say otherwise: `config` of the OCI image
 * specification. */
struct image_config {
    struct text_list entrypoint;
    struct text_list command; /* "Cmd" */
    struct text_list env;     /* "NAME=value" */
    char *user;
    char *workdir;
    struct text_list volumes;       /* absolute paths in the container */
    struct text_list exposed_ports; /* "80/tcp" */
    char *stop_signal;              /* "SIGTERM" or a number */
    struct text_map labels;
};

struct image_layer {
    char *diff_id; /* "sha256:<64 hexadecimal digits>" of the uncompressed tar */
    uint64_t size; /* bytes of that tar */
};

struct image {
    char *id;
    char *digest;           /* "sha256:..." of its manifest */
    struct text_list names; /* whole; may be none */
    uint64_t created;       /* ns since 1970; 0: the image does not say */
    uint64_t size;          /* of all layers */
    char *architecture;
    char *os;
    char *author;
    char *comment;
    struct message_list layers; /* struct image_layer, the lowest first */
    struct image_config *config;
};

/* A row of the view; its key is "<host>/<id>". */
struct image_row {
    char *host;
    uint64_t added; /* ns since 1970: when the host got it */
    struct image *image;
    uint64_t pos; /* of the latest record about it; in a worker its journal_seq */
};

/* image.pull: skopeo fetches it. */
struct image_pull {
    char *reference;    /* as typed: "busybox", "quay.io/a/b:1", or with a transport of skopeo's:
                         * "oci:/srv/images/web:1" */
    char *policy;       /* "always", "missing" or "never"; NULL: "always" */
    char *authfile;     /* a path on the host; NULL: skopeo's default */
    bool no_tls_verify; /* also plain http */
};

/* image.load: an archive (of OCI's layout or docker's), sent before as an upload stream, or a file
 * or directory on the host. */
struct image_load {
    char *upload; /* its id; or */
    char *path;   /* absolute */
};

/* image.import: a tar of a root filesystem becomes an image of one layer. */
struct image_import {
    char *upload;             /* its id; or */
    char *path;               /* absolute, on the host */
    char *reference;          /* NULL: without a name */
    struct text_list changes; /* "CMD=...": words of a Containerfile, as podman's --change */
    char *message;
};

/* image.tag, image.untag */
struct image_tag {
    char *image; /* name or id, as typed */
    struct text_list names;
};

/* image.remove: by name, only that name goes unless it is the last one. */
struct image_remove {
    char *image;
    bool force; /* all names */
};

/* image.prune */
struct image_prune {
    bool all; /* also those with a name that no container uses */
};

/* container.commit: a new image of a container's image and what it has changed. */
struct container_commit {
    char *reference; /* NULL: without a name */
    char *author;
    char *message;
    struct text_list changes; /* as of image.import */
    bool no_pause;
};

/* image.added: it is whole and on the disk. */
struct image_added {
    struct image *image;
};

/* image.tagged: its names are these now. */
struct image_tagged {
    char *id;
    struct text_list names;
};

/* image.removed */
struct image_removed {
    char *id;
};

extern const struct schema image_config_schema;
extern const struct schema image_layer_schema;
extern const struct schema image_schema;
extern const struct schema image_row_schema;
extern const struct schema image_pull_schema;
extern const struct schema image_load_schema;
extern const struct schema image_import_schema;
extern const struct schema image_tag_schema;
extern const struct schema image_untag_schema; /* struct image_tag */
extern const struct schema image_remove_schema;
extern const struct schema image_prune_schema;
extern const struct schema container_commit_schema;
extern const struct schema image_added_schema;
extern const struct schema image_tagged_schema;
extern const struct schema image_removed_schema;

#endif
