/* The file of a store: for store.c alone. */
#ifndef GANTRY_COMMON_IO_STORE_FILE_H
#define GANTRY_COMMON_IO_STORE_FILE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Make the file in `directory`, whole or not at all, unless there is one; who calls it has locked
 * the directory, and makes the new name durable. 0, or what mdb_strerror() explains.
 */
int store_file_make(const char *directory, mode_t mode);

/* LMDB maps its pages without asking whether the file still has them all: reading where a file was
 * cut off would be SIGBUS. Zeros instead are no page, and no record that has its checksum. 0 or an
 * errno value. */
int store_file_make_whole(int fd, uint64_t size);

/* Before an environment is opened: LMDB asks for lists of 3 MB for each, and touches little of
 * them. Once one was closed, malloc would take the next one's from the heap, where calloc() writes
 * them from end to end. */
void store_file_keep_lists_mapped(void);

#endif
