/*
 * The log in one store of LMDB (common/io/store.h): the engine of a single broker.
 *
 *     log    u64 position           -> crc32c of the record's bytes (u32 big endian), the record
 *     index  stream, 00, u64 pos    -> nothing: some of its records (stream_walk.h)
 *     heads  stream                 -> u64 position of its last record, u8 records since the index
 *     meta   "id", "epoch", "floor", "format"
 *     and the caller's tables
 */
#ifndef GANTRY_BROKER_IO_LOG_LMDB_H
#define GANTRY_BROKER_IO_LOG_LMDB_H

#include <stdint.h>

#include "broker/io/log.h"

#define LOG_TABLES_MAX 32 /* of the caller */

#define LOG_LMDB_FILE "data.mdb" /* in the log's directory: the whole log */

/*
 * Open or make the log in `directory`. `tables`: the NULL-ended names of the caller's tables, at
 * most LOG_TABLES_MAX. `bytes_max`: what the log may take on the disk. -EBUSY when another process
 * has it open, -EPROTONOSUPPORT when a newer Gantry wrote it.
 */
int log_lmdb_open(const char *directory, const char *const *tables, uint64_t bytes_max,
                  struct log **ret, struct error *err);

#endif
