/*
 * Backups: a log in one file. Both ways leave the whole or nothing when they are killed.
 *
 * Everything here blocks.
 */
#ifndef GANTRY_BROKER_BACKUP_FILE_H
#define GANTRY_BROKER_BACKUP_FILE_H

#include <stdint.h>

#include "broker/io/log.h"
#include "common/error.h"

/* Write the log to the new file `path`, as it is at this moment; the log goes on meanwhile. What
 * grows beside it is called `path`.part. -EEXIST when something is there. `ret_bytes`: its size. */
int backup_write(struct log *log, const char *path, uint64_t *ret_bytes, struct error *err);

/* Make a state directory for a broker of a backup: a file, or the state directory of a stopped
 * broker. It is verified, and begins another epoch. -EEXIST when `directory` is there and not
 * empty; -EUCLEAN when the backup is damaged, having printed what is wrong with it. */
int backup_restore(const char *backup, const char *directory, struct error *err);

#endif
