/* Log lines; see the header. */
#include "common/io/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"

#define NS_PER_S  1000000000U
#define NS_PER_MS 1000000U

/* The longest escape, the cut mark, the closing quote and the NUL. */
#define QUOTED_TAIL_SIZE (sizeof("\\xff") - 1 + sizeof("...") - 1 + sizeof("\"") - 1 + 1)

struct level_row {
    const char *name;
    unsigned syslog; /* its number in syslog's scale */
};

static const struct level_row levels[] = {
    [LOG_LEVEL_DEBUG] = { "debug", 7 },
    [LOG_LEVEL_INFO] = { "info", 6 },
    [LOG_LEVEL_WARNING] = { "warning", 4 },
    [LOG_LEVEL_ERROR] = { "error", 3 },
};

static atomic_int lowest = LOG_LEVEL_INFO;

static bool is_journal;
static pthread_once_t journal_looked_for = PTHREAD_ONCE_INIT;

/* JOURNAL_STREAM is inherited by children with other stderrs: compare what it names. */
static void look_for_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat file;

    if (stream == NULL || fstat(STDERR_FILENO, &file) < 0)
        return;
    (void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    is_journal = strcmp(stream, ours) == 0;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&lowest, level, memory_order_relaxed);
}

int log_parse_level(const char *text, enum log_level *ret)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

static bool is_plain(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text == '"' || *text == '\\' || *text == '\x7f')
            return false;
    }
    return true;
}

static size_t write_escaped(char letter, char *room, size_t size)
{
    unsigned char byte = (unsigned char)letter;

    if (letter == '"' || letter == '\\')
        return (size_t)snprintf(room, size, "\\%c", letter);
    if (letter == '\n')
        return (size_t)snprintf(room, size, "\\n");
    if (byte < ' ' || byte == 0x7f)
        return (size_t)snprintf(room, size, "\\x%02x", (unsigned)byte);
    return (size_t)snprintf(room, size, "%c", letter);
}

const char *log_text(const char *text, char *room, size_t size)
{
    size_t used = 0;

    if (text == NULL)
        return "-";
    if (is_plain(text) && strlen(text) < size)
        return text;
    if (size <= QUOTED_TAIL_SIZE + 1)
        return "...";
    room[used++] = '"';
    for (; *text != '\0' && used + QUOTED_TAIL_SIZE <= size; text++)
        used += write_escaped(*text, room + used, size - used);
    (void)snprintf(room + used, size - used, "%s\"", *text == '\0' ? "" : "...");
    return room;
}

/* "<6>2026-11-29T16:00:00.123Z info event": what stands before the values. */
static size_t write_head(char *line, size_t size, enum log_level level, const char *event)
{
    uint64_t now_ns = clock_wall_ns();
    time_t seconds = (time_t)(now_ns / NS_PER_S);
    char prefix[8] = "";
    char date[32] = "";
    struct tm utc;
    int used;

    if (is_journal)
        (void)snprintf(prefix, sizeof(prefix), "<%u>", levels[level].syslog);
    if (gmtime_r(&seconds, &utc) != NULL)
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    used = snprintf(line, size, "%s%s.%03uZ %s %s", prefix, date,
                    (unsigned)(now_ns % NS_PER_S / NS_PER_MS), levels[level].name, event);
    return used < 0 ? 0 : (size_t)used < size ? (size_t)used : size - 1;
}

/* What a value smuggled in cannot begin a line of its own. */
static void replace_controls(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];

        if (byte < ' ' || byte == 0x7f)
            line[i] = '?';
    }
}

/* One write for one line, so that lines of several threads and processes do not mix. */
static void write_line(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, line, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        line += written;
        size -= (size_t)written;
    }
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    size_t used;
    size_t room;
    int errno_before = errno;
    va_list args;
    int size;

    if ((int)level < atomic_load_explicit(&lowest, memory_order_relaxed))
        return;
    (void)pthread_once(&journal_looked_for, look_for_journal);
    used = write_head(line, sizeof(line) - 1, level, event);
    room = sizeof(line) - 1 - used; /* one byte stays for the newline */
    va_start(args, fmt);
    size = room > 1 ? vsnprintf(line + used + 1, room - 1, fmt, args) : 0;
    va_end(args);
    if (size > 0) {
        line[used++] = ' ';
        used += (size_t)size < room - 1 ? (size_t)size : room - 2;
    }
    replace_controls(line, used);
    line[used++] = '\n';
    write_line(line, used);
    errno = errno_before;
}

void log_failure(const char *event, const struct error *err)
{
    log_error(event, "error=%s", LOG_TEXT(err->text));
}
