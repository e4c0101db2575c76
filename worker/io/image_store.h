/*
 * The directories of STATE/storage (images.h), and the one way in: a batch.
 *
 * A batch makes blobs and layers in a directory of its own below staging/, and commits them
 * together: one syncfs, then a rename for each. What a batch has pinned is not dropped while it
 * lives, also when it is there already and needn't be made again. Two batches may make the same
 * thing: the second one's is thrown away.
 *
 * Blocking; a batch is one thread's, the store everybody's.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_STORE_H
#define GANTRY_WORKER_IO_IMAGE_STORE_H

#include <stdbool.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/io/digest.h"
#include "worker/io/layer_extract.h"

#define LAYER_LINK_SIZE 26 /* characters, without the NUL */

struct image_store;
struct image_batch;

enum stored_kind { STORED_BLOB, STORED_LAYER };

/* Make or open the directory `path`; staging/ is emptied. -EBUSY when another process has it. */
int image_store_open(const char *path, struct image_store **ret, struct error *err);
/* NULL is legal. */
void image_store_close(struct image_store *store);

const char *image_store_path(const struct image_store *store);
/* The directory, O_PATH; borrowed. */
int image_store_fd(const struct image_store *store);

/* One lock for whatever is decided about what there is: the catalog's too. Not held over work that
 * takes long. */
void image_store_lock(struct image_store *store);
void image_store_unlock(struct image_store *store);

/* Below the store's directory. Heap. */
char *image_store_name(enum stored_kind kind, const char *hex);

bool image_store_has(const struct image_store *store, enum stored_kind kind, const char *hex);

/* A blob to read; -ENOENT when it isn't there. Close-on-exec. */
int image_store_open_blob(const struct image_store *store, const char *hex, struct error *err);
/* All of a small one. -EBADMSG when it isn't what its name says. `ret` is freed by the caller. */
int image_store_read_document(const struct image_store *store, const char *hex, char **ret,
                              size_t *ret_size, struct error *err);

/* Drop what `is_used` says no to and no batch has pinned. The lock is taken. */
int image_store_collect(struct image_store *store,
                        bool (*is_used)(const void *owner, enum stored_kind kind, const char *hex),
                        const void *owner, struct error *err);

/* Names the directory of a layer for ever: made of its diff id. */
void layer_link_write(const char *diff_id, char ret[LAYER_LINK_SIZE + 1]);

int image_batch_begin(struct image_store *store, struct image_batch **ret, struct error *err);
/* Throws away what isn't committed. NULL is legal. */
void image_batch_destroy(struct image_batch *batch);
DEFINE_AUTODESTROY(image_batch)

/* The batch's own directory, to work in; borrowed. Its absolute path, borrowed. */
int image_batch_fd(const struct image_batch *batch);
const char *image_batch_path(const struct image_batch *batch);

/* Keep it from now on. Whether it is there already. */
bool image_batch_pin(struct image_batch *batch, enum stored_kind kind, const char *hex);

/* Take over what was made as `name` in the batch's directory: a blob's file, or the directory that
 * has a layer's fs/ and layer.json. It is pinned. */
int image_batch_take(struct image_batch *batch, enum stored_kind kind, const char *hex,
                     const char *name, struct error *err);

/* Where it is, below the store's directory: it is there, or taken. Heap. */
char *image_batch_where(struct image_batch *batch, enum stored_kind kind, const char *hex);

/* Keep bytes as a blob; gives their digest. */
int image_batch_put(struct image_batch *batch, struct bytes bytes, char ret[DIGEST_HEX_SIZE + 1],
                    struct error *err);

/* All that was taken is in the store and on the disk. The pins stay until the batch ends. */
int image_batch_commit(struct image_batch *batch, struct error *err);

#endif
