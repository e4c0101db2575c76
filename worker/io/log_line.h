/*
 * One line of conmon's k8s-file format: "TIME stdout|stderr F|P TEXT" (BEHAVIOUR CM-24). Pure.
 */
#ifndef GANTRY_WORKER_IO_LOG_LINE_H
#define GANTRY_WORKER_IO_LOG_LINE_H

#include "common/bytes.h"
#include "worker/io/container_log.h"

#define LOG_LINE_MAX 65536 /* bytes; conmon's own maximum is little more than 8192 */

enum { LOG_CHANNEL_STDOUT = 1, LOG_CHANNEL_STDERR = 2, LOG_CHANNEL_COUNT = 2 };

/* `raw` is the line without its newline; the text of `ret` points into it. -EBADMSG. */
int log_line_parse(struct bytes raw, struct container_log_line *ret);

#endif
