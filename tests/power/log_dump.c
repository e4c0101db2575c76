/*
 * log_dump DIRECTORY: what is in a broker's log, for the power-cut tests.
 *
 * One line for each record, "POS ID" with the command's id in hexadecimal digits, then what
 * gantry-broker --verify says. Not 0 when anything is wrong with the log. Opening a log finishes
 * what making it had begun, so it is given a copy.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/verify.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "schemas/codec.h"

static int print_records(struct log *log, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry;
    int r = log_begin(log, LOG_READ, &txn, err);

    if (r == 0)
        r = log_walk(txn, NULL, 0, &cursor, err);
    while (r >= 0 && (r = log_next(cursor, &entry, err)) > 0) {
        autoarena arena = { 0 };
        char digits[2 * COMMAND_ID_SIZE + 1];
        struct record record;

        r = schema_decode(&record_schema, entry.record, &record, &arena, err);
        if (r < 0)
            break;
        hex_write(record.id.bytes, sizeof(record.id.bytes), digits);
        (void)printf("%" PRIu64 " %s\n", entry.pos, digits);
    }
    return r;
}

static int dump(const char *directory, struct error *err)
{
    struct log *log = NULL;
    bool is_sound = false;
    int r = view_store_open_log(directory, &log, err);

    if (r < 0)
        return r;
    r = print_records(log, err);
    if (r == 0)
        r = verify_log(log, &is_sound, err);
    log_close(log);
    if (r == 0 && !is_sound)
        r = error_set(err, -EUCLEAN, "the log is damaged");
    return r;
}

int main(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc != 2) {
        (void)fprintf(stderr, "usage: log_dump DIRECTORY\n");
        return 2;
    }
    if (dump(argv[1], &err) < 0) {
        (void)fprintf(stderr, "log_dump: %s\n", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
