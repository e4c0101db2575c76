/*
 * Verifying a log that no broker serves: every record and its checksum, what records say of one
 * another, the index and the heads of the streams, and the view against a fold of it all.
 *
 * Prints what is wrong, and a summary. Blocks.
 */
#ifndef GANTRY_BROKER_VERIFY_H
#define GANTRY_BROKER_VERIFY_H

#include <stdbool.h>

#include "broker/io/log.h"
#include "common/error.h"

/* An error says that it could not be verified. A file whose pages are so damaged that they cannot
 * be read ends the process, with a sentence and the exit code 1. */
int verify_log(struct log *log, bool *ret_is_sound, struct error *err);

#endif
