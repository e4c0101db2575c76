/*
 * What is known of an image: the OCI image configuration and what the store adds to it.
 *
 * Texts are NULL and lists empty when the image doesn't say. Everything lives in the arena of
 * whoever asked for it. Digests are written without "sha256:", as 64 hexadecimal digits.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_INFO_H
#define GANTRY_WORKER_IO_IMAGE_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/schema.h"

struct oci_healthcheck {
    struct text_list test; /* { "CMD", ... }, { "CMD-SHELL", "..." } or { "NONE" } */
    uint64_t interval_ms;  /* 0: not said */
    uint64_t timeout_ms;
    uint64_t start_period_ms;
    uint32_t retries;
};

/* What a container of the image is made with. */
struct oci_config {
    struct text_list entrypoint;
    struct text_list cmd;
    struct text_list env; /* "NAME=value" */
    char *user;           /* "name-or-id[:group]" */
    char *workdir;
    struct text_list volumes;       /* paths, sorted */
    struct text_list exposed_ports; /* "80/tcp", sorted */
    char *stop_signal;
    struct text_map labels;
    struct oci_healthcheck *healthcheck; /* NULL: none */
    struct text_list on_build;
    struct text_list shell;
};

struct oci_history {
    char *created; /* RFC 3339 */
    char *created_by;
    char *author;
    char *comment;
    bool is_empty_layer;
};

/* The part of a layer.json that matters to others. */
struct stored_layer {
    char *diff_id;       /* of the tar: names the directory */
    char *media_type;    /* OCI's, by what the blob really is */
    char *blob;          /* of the tar as it came, perhaps compressed */
    uint64_t blob_bytes; /* on the wire */
    uint64_t size_bytes; /* of the tar */
    uint64_t file_count;
    char *link;     /* 26 characters: STORE/l/<link> leads to its directory */
    bool has_root;  /* its root directory's owner and mode count; else a lower layer's do */
    bool is_opaque; /* the layers below it are not seen at all */
};

struct image_info {
    char *id;                   /* of the configuration: podman's image id */
    char *digest;               /* of the manifest */
    struct text_list names;     /* "docker.io/library/busybox:latest"; sorted */
    char *created;              /* RFC 3339 */
    uint64_t created_s;         /* since 1970 */
    uint64_t size_bytes;        /* of its layers' tars */
    struct message_list layers; /* of struct stored_layer, the lowest first */
    struct oci_config config;
    char *architecture;
    char *variant;
    char *os;
    char *author;
    char *comment;               /* of the newest history entry */
    struct message_list history; /* of struct oci_history, the oldest first */
    char *media_type;            /* of the manifest */
};

#endif
