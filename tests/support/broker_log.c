/* A log of the broker in a scratch directory; see the header. */
#include "tests/support/broker_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/borrowed.h"
#include "broker/io/log_lmdb.h"
#include "broker/view_store.h"
#include "common/io/files.h"
#include "common/mem.h"

#define BYTES_MAX (64ULL * 1024 * 1024)

static void open_log(struct broker_log *place)
{
    const char *tables[VIEW_STORE_TABLES_MAX + 1];
    struct error err = { 0 };

    view_store_tables(tables);
    if (log_lmdb_open(place->directory, tables, BYTES_MAX, &place->log, &err) < 0)
        fail_msg("%s", err.text);
}

int broker_log_setup(void **state)
{
    struct broker_log *place = mem_new(struct broker_log);

    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/gantry-log-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    open_log(place);
    *state = place;
    return 0;
}

int broker_log_teardown(void **state)
{
    struct broker_log *place = *state;

    log_close(place->log);
    assert_int_equal(files_remove_tree(AT_FDCWD, place->directory, NULL), 0);
    free(place);
    return 0;
}

void broker_log_reopen(struct broker_log *place)
{
    log_close(place->log);
    open_log(place);
}

struct record broker_log_event(const char *stream, const char *type)
{
    return (struct record){
        .kind = RECORD_EVENT,
        .type = borrowed(type),
        .stream = borrowed(stream),
        .actor = borrowed("test"),
        .time = 1,
    };
}

uint64_t broker_log_append(struct broker_log *place, const char *stream, const char *type,
                           unsigned count)
{
    struct record record = broker_log_event(stream, type);
    struct error err = { 0 };
    struct log_txn *txn;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, &err), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(log_append(txn, &record, &err), 0);
    assert_int_equal(log_commit(txn, &err), 0);
    return record.pos;
}

struct log_state broker_log_state(struct broker_log *place)
{
    struct log_state state = { 0 };
    struct log_txn *txn;

    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    assert_int_equal(log_state(txn, &state, NULL), 0);
    log_abort(txn);
    return state;
}

char *broker_log_walk(struct broker_log *place, const char *stream, uint64_t after,
                      struct error *err)
{
    char *text = mem_dup_text("");
    struct log_cursor *cursor;
    struct log_entry entry;
    struct log_txn *txn;
    int r;

    assert_int_equal(log_begin(place->log, LOG_READ, &txn, err), 0);
    assert_int_equal(log_walk(txn, stream, after, &cursor, err), 0);
    while ((r = log_next(cursor, &entry, err)) > 0) {
        char *longer =
            mem_text("%s%s%llu", text, text[0] == '\0' ? "" : " ", (unsigned long long)entry.pos);

        free(text);
        text = longer;
    }
    if (r < 0) {
        char *longer = mem_text("%s!", text);

        free(text);
        text = longer;
    }
    log_walk_end(cursor);
    log_abort(txn);
    return text;
}

void broker_log_assert_walk(struct broker_log *place, const char *stream, uint64_t after,
                            const char *expected)
{
    struct error err = { 0 };
    char *found = broker_log_walk(place, stream, after, &err);

    assert_string_equal(found, expected);
    free(found);
}

void broker_log_damage(struct broker_log *place)
{
    char *path = mem_text("%s/data.mdb", place->directory);
    struct error err = { 0 };
    unsigned found = 0;
    char *bytes;
    size_t size;
    int fd;

    if (files_read(AT_FDCWD, path, 64 * 1024 * 1024, &bytes, &size, &err) < 0)
        fail_msg("%s", err.text);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i + strlen(BROKER_LOG_MARKER) <= size; i++) {
        char flipped = (char)(BROKER_LOG_MARKER[0] ^ 1);

        if (memcmp(bytes + i, BROKER_LOG_MARKER, strlen(BROKER_LOG_MARKER)) != 0)
            continue;
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
        found++;
    }
    assert_true(found > 0);
    (void)close(fd);
    free(bytes);
    free(path);
}
