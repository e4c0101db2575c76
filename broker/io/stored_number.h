/* Numbers of the log by name, in a table of its store: 8 bytes, big endian. */
#ifndef GANTRY_BROKER_IO_STORED_NUMBER_H
#define GANTRY_BROKER_IO_STORED_NUMBER_H

#include <stdint.h>

#include "common/error.h"
#include "common/io/store.h"

/* 0 when it was never put. -EUCLEAN when it is damaged. */
int stored_number_get(struct store_txn *txn, unsigned table, const char *name, uint64_t *ret,
                      struct error *err);

int stored_number_put(struct store_txn *txn, unsigned table, const char *name, uint64_t number,
                      struct error *err);

/* The largest key of a table whose keys are numbers; 0 when it is empty. */
int stored_number_last(struct store_txn *txn, unsigned table, uint64_t *ret, struct error *err);

#endif
