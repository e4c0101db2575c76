/*
 * journal_dump DIRECTORY HOST: what is in a worker's journal, for the checker of the fault tests.
 *
 * First a line "FIRST LAST ACKED CURSOR INCARNATION", then each event that is kept, as the bytes of
 * its record in hexadecimal digits, one a line. Opening a journal begins a life in it, so it is
 * given a copy.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/id.h"
#include "common/mem.h"
#include "worker/io/journal.h"

#define AT_ONCE   1000
#define BYTES_MAX (16 * 1024 * 1024)

static void print_event(struct bytes event)
{
    autofree char *digits = mem_zeroed(2 * event.size + 1);

    hex_write(event.data, event.size, digits);
    (void)puts(digits);
}

static int print_events(struct journal *journal, struct error *err)
{
    uint64_t last = journal_state(journal)->last_seq;
    uint64_t after = journal_state(journal)->first_seq - 1;

    while (after < last) {
        autoarena arena = { 0 };
        struct raw_list events;
        const struct journal_range range = { after, BYTES_MAX, AT_ONCE };
        int r = journal_read(journal, &range, &events, &arena, err);

        if (r < 0)
            return r;
        if (events.count == 0)
            return error_set(err, -ENODATA, "event %" PRIu64 " is missing", after + 1);
        for (size_t i = 0; i < events.count; i++)
            print_event(events.items[i].bytes);
        after += events.count;
    }
    return 0;
}

static int dump(const char *directory, const char *host, struct error *err)
{
    autodestroy(journal) struct journal *journal = NULL;
    const struct journal_state *state;
    int r = journal_open(directory, host, "a boot of the checker's", &journal, err);

    if (r < 0)
        return r;
    state = journal_state(journal);
    (void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", state->first_seq,
                 state->last_seq, state->acked_seq, state->cursor, state->incarnation);
    return print_events(journal, err);
}

int main(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc != 3) {
        (void)fprintf(stderr, "usage: journal_dump DIRECTORY HOST\n");
        return 2;
    }
    if (dump(argv[1], argv[2], &err) < 0) {
        (void)fprintf(stderr, "journal_dump: %s\n", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
