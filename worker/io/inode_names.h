/*
 * The first name under which each file of several names was met, so that its further names become
 * hard links, or are counted once.
 *
 * Starts as { 0 }, ends with inode_names_done(). One thread at a time.
 */
#ifndef GANTRY_WORKER_IO_INODE_NAMES_H
#define GANTRY_WORKER_IO_INODE_NAMES_H

#include <sys/stat.h>

struct inode_name;

struct inode_names {
    struct inode_name *table;
};

/* NULL: this is its first name, now known (or it has but one). Else the first name, borrowed. */
const char *inode_names_meet(struct inode_names *names, const struct stat *status,
                             const char *name);
void inode_names_done(struct inode_names *names);

#endif
