/*
 * Log lines of a program: an event name and key=value pairs, one line each, to stderr (with
 * syslog's <N> level prefix when stderr is the journal's: JOURNAL_STREAM is set).
 *
 *     log_info("peer.connected", "peer=%s transport=%s", name, transport);
 *     -> 2026-11-29T16:00:00.123Z info peer.connected peer=... transport=...
 *
 * Any thread. Values that may hold spaces, quotes or control characters are quoted by the caller:
 * LOG_TEXT(text) for `%s`. A line is cut at LOG_LINE_MAX bytes and never holds a control character.
 * Only the edge logs a failure (STYLE 34).
 */
#ifndef GANTRY_COMMON_IO_LOG_H
#define GANTRY_COMMON_IO_LOG_H

#include <stddef.h>

#include "common/error.h"

#define LOG_LINE_MAX 4096 /* bytes, with the newline */
#define LOG_TEXT_MAX 768  /* bytes of a quoted value, with its NUL */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Lines below `level` are left out; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* "debug", "info", "warning", "error"; -EINVAL otherwise. */
int log_parse_level(const char *text, enum log_level *ret);

void log_write(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* `text` as a value: as it is when it is one plain word, else in quotes with \" \\ \n \xNN inside,
 * cut to fit `size` bytes; "-" for NULL. Gives `room` (or `text`). */
const char *log_text(const char *text, char *room, size_t size);

/* The same with room that lives until the end of the enclosing block. */
#define LOG_TEXT(text) log_text((text), (char[LOG_TEXT_MAX]){ 0 }, LOG_TEXT_MAX)

#define log_debug(event, ...)   log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)    log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_write(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...)   log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)

/* "event error=\"...\"": a failure that nobody above can deal with. */
void log_failure(const char *event, const struct error *err);

#endif
