/*
 * log.backup: a copy of the log in a file, while the broker works.
 *
 * A pool thread writes it, one at a time. A backup is known by its id: who asks with it again waits
 * for the same one. Loop thread.
 */
#ifndef GANTRY_BROKER_BACKUP_H
#define GANTRY_BROKER_BACKUP_H

#include "common/error.h"

struct backups;
struct broker;

int backups_new(struct broker *broker, struct backups **ret, struct error *err);

/* Waits for the backup that is being written. Before the server and the log are closed. NULL is
 * legal. */
void backups_destroy(struct backups *backups);

#endif
