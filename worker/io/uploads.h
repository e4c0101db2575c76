/*
 * Files that consoles have sent to this host, until the command that takes one has ended:
 * STATE/storage/uploads/<id>. Who writes them is worker/upload_sink.h.
 *
 * Blocking, but short.
 */
#ifndef GANTRY_WORKER_IO_UPLOADS_H
#define GANTRY_WORKER_IO_UPLOADS_H

#include "common/error.h"
#include "worker/io/layout.h"

/* STATE/storage/uploads; on the heap. */
char *uploads_path(const struct layout *layout);

/* For the command that takes it, to read. The descriptor, or a negative errno: -ENOENT with a
 * sentence when it is not there. From now on it is that command's, and goes with it. */
int uploads_open(const struct layout *layout, const char *id, struct error *err);

/* It is not needed any more. Nothing happens when there is none. */
void uploads_forget(const struct layout *layout, const char *id);

#define UPLOADS_KEPT_S (24 * 60 * 60)

/* What no command wants goes, when one has had it or it has been there longer than UPLOADS_KEPT_S.
 * Until then its command may be under way: the console sends it when the upload is whole, and it
 * may wait at the broker for a worker that is started again. */
int uploads_sweep(const struct layout *layout, const char *const *wanted, size_t wanted_count,
                  struct error *err);

#endif
