/*
 * What OCI runtimes and conmon say, made into one sentence and a failure (BEHAVIOUR 1.4, 17).
 */
#ifndef GANTRY_WORKER_IO_RUNTIME_TEXT_H
#define GANTRY_WORKER_IO_RUNTIME_TEXT_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "schemas/failure.h"

/* The failure that a runtime's message means. */
enum failure runtime_text_classify(const char *text);

/* The last line that says something, on the heap; NULL when there is none. */
char *runtime_text_last_line(const char *output);

/* The message of the last line of a JSON log, on the heap; NULL when there is none. Blocking. */
char *runtime_text_of_log(const char *path);

/* conmon's line on the sync pipe: {"data": <pid>} or {"data": -1, "message": "..."}. `ret_text`
 * (heap) is NULL when it has no message. -EBADMSG. */
int runtime_text_parse_sync(struct bytes line, int64_t *ret_data, char **ret_text,
                            struct error *err);

/* "status" of what `runtime state` prints, on the heap; NULL when it is none. */
char *runtime_text_status(const char *output);

#endif
