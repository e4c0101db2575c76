/*
 * All records of a log in order, decoded ahead by a thread of its own: for who goes through a long
 * log and has enough to do with what the records say.
 *
 * It reads in one transaction, the log as it was when the reader was made. Owner: whoever made it,
 * and the thread that did takes the records.
 */
#ifndef GANTRY_BROKER_RECORD_READER_H
#define GANTRY_BROKER_RECORD_READER_H

#include "broker/io/log.h"

struct record_reader;

/* From the first record beyond `after`. The log outlives it. */
int record_reader_new(struct log *log, uint64_t after, struct record_reader **ret,
                      struct error *err);
/* Ends the thread. NULL is legal. */
void record_reader_destroy(struct record_reader *reader);
DEFINE_AUTODESTROY(record_reader)

/* 1 with a record that lives until the next call, 0 at the end of the log. -EUCLEAN for a damaged
 * one, -EBADMSG for one that no schema knows; that is the end then. */
int record_reader_next(struct record_reader *reader, const struct record **ret, struct error *err);

#endif
