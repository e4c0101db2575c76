/*
 * journal_load DIRECTORY HOST: a journal for the power-cut tests.
 *
 * For each byte on standard input it puts one more event into the journal, and says the event's
 * number on standard output once the journal has promised to keep it. The event with number N is
 * the text "event N" and some padding.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/io/journal.h"

#define PADDING 700

static int write_event(struct journal *journal, uint64_t number, struct error *err)
{
    autofree char *text = mem_text("event %" PRIu64 "%*s", number, PADDING, "");
    const struct journal_change change = { .kind = JOURNAL_PUT_EVENT,
                                           .number = number,
                                           .value = bytes_of_text(text) };
    struct journal_write write = { .changes = &change, .count = 1 };
    int r;

    journal_prepare(journal, &write);
    r = journal_write(journal, &write, err);
    if (r < 0)
        return r;
    journal_written(journal, &write);
    (void)printf("%" PRIu64 "\n", number);
    (void)fflush(stdout);
    return 0;
}

static int load(const char *directory, const char *host, struct error *err)
{
    autodestroy(journal) struct journal *journal = NULL;
    char byte;
    int r = journal_open(directory, host, "a boot", &journal, err);

    (void)puts("ready");
    (void)fflush(stdout);
    while (r == 0 && read(STDIN_FILENO, &byte, 1) == 1)
        r = write_event(journal, journal_state(journal)->last_seq + 1, err);
    return r;
}

int main(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc != 3) {
        (void)fprintf(stderr, "usage: journal_load DIRECTORY HOST\n");
        return 2;
    }
    if (load(argv[1], argv[2], &err) < 0) {
        (void)fprintf(stderr, "journal_load: %s\n", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
