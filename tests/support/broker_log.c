/* A log of the broker in a scratch directory; see the header. */
#include "tests/support/broker_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

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
