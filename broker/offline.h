/*
 * What gantry-broker does with a log that no broker serves: verify it, make its view anew, copy it,
 * restore a copy.
 *
 * Each prints what it has to say, and blocks.
 */
#ifndef GANTRY_BROKER_OFFLINE_H
#define GANTRY_BROKER_OFFLINE_H

#include "common/error.h"

/* -EUCLEAN when something is wrong with it. -EBUSY when a broker serves it. */
int offline_verify(const char *state_directory, struct error *err);

/* Make the view anew from the base and the records, whatever is kept of it. -EBUSY as above. */
int offline_rebuild(const char *state_directory, struct error *err);

/* Copy the log into the new file `path`. Errors as backup_write(), and -EBUSY as above. */
int offline_backup(const char *state_directory, const char *path, struct error *err);

/* Make `state_directory` of a backup. Errors as backup_restore(). */
int offline_restore(const char *state_directory, const char *backup, struct error *err);

#endif
