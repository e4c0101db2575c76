/*
 * log_fold: folds records into a view of its own, for the checker of the fault tests.
 *
 * Reads records from standard input as hexadecimal digits, one a line, in the order of the log, and
 * says "POS HASH UNFOLLOWED": the last position, the fingerprint of the view, and how many records
 * the view could not follow.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/fleet/memory_view.h"
#include "common/id.h"
#include "common/mem.h"
#include "schemas/codec.h"

struct fold {
    const struct view *view;
    uint64_t pos;
    uint64_t unfollowed;
};

static int fold_record(struct fold *fold, const char *digits, size_t count, struct error *err)
{
    autoarena arena = { 0 };
    autofree uint8_t *wire = mem_zeroed(count / 2 + 1);
    struct record record;
    int r;

    if (!hex_read(digits, wire, count / 2))
        return error_set(err, -EINVAL, "a record is no hexadecimal digits");
    r = schema_decode(&record_schema, (struct bytes){ .data = wire, .size = count / 2 }, &record,
                      &arena, err);
    if (r == 0)
        r = fleet_apply(fold->view, &record, err);
    if (r == -EPROTO) {
        (void)fprintf(stderr, "log_fold: record %" PRIu64 ": %s\n", record.pos, err->text);
        fold->unfollowed++;
    } else if (r < 0) {
        return r;
    }
    fold->pos = record.pos;
    return 0;
}

static int fold_all(struct fold *fold, struct error *err)
{
    autofree char *line = NULL;
    size_t room = 0;
    ssize_t size;

    while ((size = getline(&line, &room, stdin)) > 0) {
        size_t count = (size_t)size - (line[size - 1] == '\n' ? 1 : 0);
        int r;

        line[count] = '\0';
        r = fold_record(fold, line, count, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int run(struct error *err)
{
    autodestroy(memory_view) struct memory_view *memory = memory_view_new();
    struct fold fold = { .view = memory_view_view(memory) };
    uint64_t hash;
    int r = fold_all(&fold, err);

    if (r == 0)
        r = view_hash(fold.view, &hash, err);
    if (r < 0)
        return r;
    (void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", fold.pos, hash, fold.unfollowed);
    return 0;
}

int main(void)
{
    struct error err = { 0 };

    if (run(&err) < 0) {
        (void)fprintf(stderr, "log_fold: %s\n", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
