/*
 * The floor beneath a broker: how fast a disk is written durably.
 *
 *     disk_load append|store DIRECTORY BATCH COMMITS BYTES
 *
 * Writes COMMITS times BATCH records of BYTES each and flushes: `append` to a plain file, `store`
 * to a table of LMDB. One line of JSON says what came of it.
 *
 * A program for measuring: what goes wrong ends it with a sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/io/store.h"
#include "common/mem.h"
#include "tests/bench/load/times.h"

#define STORE_BYTES (4ULL << 30)

struct load {
    const char *mode;
    unsigned batch; /* records for each flush */
    unsigned commits;
    unsigned bytes; /* of a record */
    struct times times;
};

static _Noreturn void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "disk_load: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void check(int r, const char *what)
{
    if (r < 0)
        give_up(what, strerror(errno));
}

static void append_file(int fd, const void *record, size_t bytes, unsigned batch)
{
    for (unsigned i = 0; i < batch; i++)
        check((int)write(fd, record, bytes), "write");
    check(fdatasync(fd), "fdatasync");
}

static void append_store(struct store *store, struct bytes record, uint64_t *number, unsigned batch)
{
    struct store_txn *txn;
    struct error err = { 0 };
    uint8_t key[8];
    int r = store_begin(store, STORE_WRITE, &txn, &err);

    for (unsigned i = 0; r == 0 && i < batch; i++) {
        store_key_u64(++*number, key);
        r = store_append(txn, 0, (struct bytes){ key, sizeof(key) }, record, &err);
    }
    if (r == 0)
        r = store_commit(txn, &err);
    if (r < 0)
        give_up("store", err.text);
}

static void load_disk(struct load *load, const char *directory)
{
    static const char *const tables[] = { "log", NULL };
    autofree char *path = mem_text("%s/append", directory);
    autofree uint8_t *record = mem_zeroed(load->bytes);
    bool is_store = strcmp(load->mode, "store") == 0;
    struct store *store = NULL;
    struct error err = { 0 };
    uint64_t number = 0, began, at, now;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    check(fd, path);
    memset(record, 0xa5, load->bytes);
    if (is_store && store_open(directory, tables, STORE_BYTES, &store, &err) < 0)
        give_up("store", err.text);
    began = at = times_now_ns();
    for (; load->times.count < load->commits; at = now) {
        if (is_store)
            append_store(store, (struct bytes){ record, load->bytes }, &number, load->batch);
        else
            append_file(fd, record, load->bytes, load->batch);
        now = times_now_ns();
        times_add(&load->times, now - at);
    }
    times_print(&load->times, load->mode, (double)load->commits * load->batch, at - began);
    store_close(store);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    struct load load = { 0 };

    if (argc != 6 || (strcmp(argv[1], "append") != 0 && strcmp(argv[1], "store") != 0))
        give_up("usage", "see the head of tests/bench/disk_load.c");
    load.mode = argv[1];
    load.batch = (unsigned)atoi(argv[3]);
    load.commits = (unsigned)atoi(argv[4]);
    load.bytes = (unsigned)atoi(argv[5]);
    load.times = times_make(load.commits);
    load_disk(&load, argv[2]);
    times_done(&load.times);
    return EXIT_SUCCESS;
}
