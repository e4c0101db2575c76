/*
 * Indexes and manifests: which image is meant, and what it is made of. OCI's and docker's (schema
 * 2) read alike. Pure but for the arena; any bytes are refused or understood.
 */
#ifndef GANTRY_WORKER_IO_OCI_MANIFEST_H
#define GANTRY_WORKER_IO_OCI_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/schema.h"
#include "worker/io/layer_extract.h"

#define OCI_INDEX_MEDIA_TYPE    "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST_MEDIA_TYPE "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG_MEDIA_TYPE   "application/vnd.oci.image.config.v1+json"

struct oci_descriptor {
    char *media_type; /* NULL: not said */
    char *hex;
    uint64_t size;
    char *name; /* by the annotations; NULL: none */
    bool has_platform;
    char *os;
    char *architecture;
    char *variant;
};

struct oci_descriptors {
    struct oci_descriptor *items;
    size_t count;
};

struct oci_manifest {
    char *media_type; /* OCI's when it isn't said */
    struct oci_descriptor config;
    struct oci_descriptors layers;
};

/* What manifest.json of a docker archive says of an image. */
struct oci_docker_image {
    char *config;            /* paths in the archive */
    struct text_list layers; /* the lowest first */
    struct text_list names;
};

struct oci_docker_images {
    struct oci_docker_image *items;
    size_t count;
};

enum oci_document {
    OCI_DOCUMENT_OTHER,
    OCI_DOCUMENT_INDEX,
    OCI_DOCUMENT_MANIFEST,
    OCI_DOCUMENT_DOCKER
};

/* Told by what is in it, as the media type need not be there. */
enum oci_document oci_document_kind(struct bytes text);

/* -EBADMSG with the key that is wrong, -EFBIG for too much of something. */
int oci_index_read(struct bytes text, struct arena *arena, struct oci_descriptors *ret,
                   struct error *err);
int oci_manifest_read(struct bytes text, struct arena *arena, struct oci_manifest *ret,
                      struct error *err);
int oci_docker_images_read(struct bytes text, struct arena *arena, struct oci_docker_images *ret,
                           struct error *err);

/* The one for linux on this machine's processor; -ENOENT with what there is. */
int oci_pick_platform(const struct oci_descriptors *index, const struct oci_descriptor **ret,
                      struct error *err);

/* This machine's processor, as Go calls it; `ret_variant` may become NULL. */
const char *oci_architecture(const char **ret_variant);

const char *oci_layer_media_type(enum layer_compression compression);

/* JSON of a manifest, on the heap; its media types are OCI's. */
char *oci_manifest_write(const struct oci_manifest *manifest);

#endif
