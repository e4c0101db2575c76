/*
 * The images of a worker: a content-addressed store in STATE/storage.
 *
 *     blobs/sha256/<hex>      manifests, configurations and layers, byte for byte as they came
 *     layers/<diff id>/fs/    a layer, extracted; shared by all images that have it
 *     layers/<diff id>/layer.json
 *     l/<link>                -> ../layers/<diff id>/fs: short, for overlayfs's options
 *     images/<id>.json        an image: its names, its manifest, its layers
 *     staging/                whatever is half done; emptied by images_open
 *     lock
 *
 * Promises: a layer, blob or image is seen whole or not at all, and what is seen is on the disk: it
 * is made in staging/, flushed (syncfs), and gets its name by rename. SIGKILL and power loss at
 * any moment leave nothing half made, and a call that failed leaves the store as it was. What no
 * image uses any more is dropped. Digests are checked when content comes in: of every blob, and of
 * every layer's tar. Paths in an archive never lead out of the layer (layer_entry.h).
 *
 * Blocking: for pool threads, any number at a time. Images in use by containers are the caller's
 * to know: images_remove() doesn't ask.
 *
 * `image` in the functions below: a name (common/image_name.h says what a short one means),
 * "NAME@sha256: DIGEST", an id or "sha256:ID", a manifest's "sha256:DIGEST", or the beginning of an
 * id that only one image has. -ENOENT when there is none, -EEXIST when it could be several.
 */
#ifndef GANTRY_WORKER_IO_IMAGES_H
#define GANTRY_WORKER_IO_IMAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/error.h"
#include "worker/io/image_info.h"

#define IMAGE_LAYERS_MAX   127 /* as many as an overlay mount's options have room for */
#define IMAGE_DOCUMENT_MAX (4UL * 1024 * 1024) /* bytes of a manifest or configuration */
#define IMAGE_NAMES_MAX    256

struct images;

/* Make or open the store in the directory `path` (layout_storage()); drop what is half done or
 * unused. -EBUSY when another process has it. */
int images_open(const char *path, struct images **ret, struct error *err);
/* NULL is legal. No other call may be under way. */
void images_close(struct images *images);
static inline void images_auto_destroy_(struct images **owned)
{
    images_close(*owned);
}

/* All of them, in the order of their ids: a list of struct image_info. */
int images_list(struct images *images, struct arena *arena, struct message_list *ret,
                struct error *err);

int images_find(struct images *images, const char *image, struct arena *arena,
                struct image_info *ret, struct error *err);

/* The ids alone, and an image's layers alone (struct stored_layer, the lowest first): both are in
 * memory, and nothing is read. */
void images_ids(struct images *images, struct arena *arena, struct text_list *ret);
int images_layers(struct images *images, const char *image, struct arena *arena,
                  struct message_list *ret, struct error *err);

/* Where an archive or layout comes from. */
struct image_source {
    int fd;                          /* a tar, perhaps compressed; read to its end. -1: `path` */
    const char *path;                /* a file or a directory; NULL: `fd` */
    const atomic_bool *is_cancelled; /* may be set by any thread: -ECANCELED; NULL: never */
};

/*
 * Load an OCI layout (directory or tar), a docker archive, or a directory that skopeo's "dir:"
 * wrote: told apart by what is in it. Of an index, the image for this machine. `names` (may have
 * none) replace those that it gives itself; several images of one archive may only come with their
 * own. The ids, in the arena. -EBADMSG for what is none of these, or whose digests are wrong.
 */
int images_load(struct images *images, const struct image_source *source,
                const struct text_list *names, struct arena *arena, struct text_list *ret_ids,
                struct error *err);

/* What is said about an image that is made here. */
struct image_about {
    struct text_list names; /* short ones are localhost's */
    const char *author;     /* NULL: not said */
    const char *comment;
    const char *created_by;
};

/* Make an image of one layer from the tar of a root filesystem. The id, in the arena. */
int images_import(struct images *images, const struct image_source *source,
                  const struct oci_config *config, const struct image_about *about,
                  struct arena *arena, char **ret_id, struct error *err);

/*
 * Make an image from `base` (NULL: from nothing) and what is in `upper_fd`, the upper directory of
 * an overlay mount over it, with whiteouts and opaque directories. It should not change meanwhile.
 */
int images_commit(struct images *images, const char *base, int upper_fd,
                  const struct oci_config *config, const struct image_about *about,
                  struct arena *arena, char **ret_id, struct error *err);

enum image_format { IMAGE_OCI_ARCHIVE, IMAGE_DOCKER_ARCHIVE };

/* Write an archive of the images to `fd` (any kind of descriptor). IMAGE_OCI_ARCHIVE has OCI's
 * manifests as they came, with their digests; docker's become OCI's. Ids stay in either. */
int images_save(struct images *images, const struct text_list *wanted, enum image_format format,
                int fd, struct error *err);

struct image_fetch {
    const char
        *source;      /* a name, or with a transport of skopeo's: "oci:/path:tag", "docker://..." */
    const char *name; /* to give it; NULL: that of `source` */
    const char *auth_file;   /* NULL: skopeo's own default */
    const char *policy_file; /* NULL: what the host has; see `is_policy_ignored` */
    bool is_policy_ignored;  /* accept unsigned images, whatever the host's policy says */
    bool is_tls_unverified;
    int cancel_fd; /* gives up when it gets readable (an eventfd): -ECANCELED; -1: never */
    const atomic_bool *is_cancelled; /* the same for what comes after skopeo; NULL: never */
    void (*on_progress)(void *owner,
                        const char *line); /* skopeo's words, on this thread; or NULL */
    void *owner;
};

/* Fetch an image with skopeo. -ENOENT when there is no skopeo; -EREMOTEIO with skopeo's last line
 * when it failed. The id, in the arena. */
int images_pull(struct images *images, const struct image_fetch *pull, struct arena *arena,
                char **ret_id, struct error *err);

/* Give the image one more name; an image that had it loses it. */
int images_tag(struct images *images, const char *image, const char *name, struct error *err);
/* -ENOENT when no image has the name. The image stays. */
int images_untag(struct images *images, const char *name, struct error *err);

/* Make these the names of the image of this id: the worker's journal decides how an image is
 * called, and the store is made to agree when it matters, which is for archives. */
int images_set_names(struct images *images, const char *id, const struct text_list *names,
                     struct error *err);

/* Drop the image with all its names, and what no other image uses. */
int images_remove(struct images *images, const char *image, struct error *err);

/* Compare every blob of the image with its digest, and look whether its layers are there. -EBADMSG
 * with a sentence about the first thing that is wrong. */
int images_verify(struct images *images, const char *image, struct error *err);

#endif
