/*
 * Log lines of a program: an event name and key=value pairs, one line each, to stderr (with
 * syslog's <N> level prefix when stderr is the journal's: JOURNAL_STREAM is set).
 *
 *     log_info("peer.connected", "peer=%s transport=%s", name, transport);
 *     -> 2026-11-29T16:00:00.123Z info peer.connected peer=... transport=...
 *
 * Any thread. Values with spaces, quotes or control characters are quoted by the caller with
 * LOG_TEXT for `%s`. Only the edge logs a failure (STYLE 34).
 */
#ifndef GANTRY_COMMON_IO_LOG_H
#define GANTRY_COMMON_IO_LOG_H

#include "common/error.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Lines below `level` are left out; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* "debug", "info", "warning", "error"; -EINVAL otherwise. */
int log_parse_level(const char *text, enum log_level *ret);

void log_write(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(event, ...)   log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)    log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_write(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...)   log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)

/* "event error=\"...\"": a failure that nobody above can deal with. */
void log_failure(const char *event, const struct error *err);

#endif
