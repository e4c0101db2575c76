/* The durable tables: what LMDB must do for us, and what we add to it. */
#include "common/io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io/files.h"
#include "common/mem.h"

#define MAP_BYTES (64ULL * 1024 * 1024)

enum { NAMES, LOG };

static const char *const tables[] = { "names", "log", NULL };

struct place {
    char directory[64]; /* of the test; removed after it */
    char *store;        /* the store's directory in it */
};

static int make_place(void **state)
{
    struct place *place = mem_new(struct place);

    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/gantry-store-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    place->store = mem_text("%s/state/log", place->directory);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    assert_int_equal(files_remove_tree(AT_FDCWD, place->directory, NULL), 0);
    free(place->store);
    free(place);
    return 0;
}

static struct store *open_store(const char *directory)
{
    struct store *store = NULL;
    struct error err = { 0 };

    if (store_open(directory, tables, MAP_BYTES, &store, &err) < 0)
        fail_msg("%s", err.text);
    return store;
}

static struct store_txn *begin(struct store *store, enum store_mode mode)
{
    struct store_txn *txn = NULL;

    assert_int_equal(store_begin(store, mode, &txn, NULL), 0);
    return txn;
}

static struct bytes text(const char *chars)
{
    return bytes_of_text(chars);
}

static void put(struct store_txn *txn, const char *key, const char *value)
{
    assert_int_equal(store_put(txn, NAMES, text(key), text(value), NULL), 0);
}

static void assert_bytes(struct bytes bytes, const char *expected)
{
    assert_true(bytes_equal(bytes, text(expected)));
}

/* Every key that a walk from `from` gives, in one text. */
static char *walked(struct store_txn *txn, const char *from)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    struct buffer keys = { 0 };
    struct bytes key;
    struct bytes value;

    assert_int_equal(store_walk(txn, NAMES, text(from), &cursor, NULL), 0);
    while (store_next(cursor, &key, &value, NULL) == 1)
        buffer_append(&keys, key.data, key.size);
    buffer_append(&keys, "", 1);
    return (char *)keys.data;
}

static void what_was_committed_is_there_after_reopening(void **state)
{
    struct place *place = *state;
    struct store *store = open_store(place->store);
    struct store_txn *txn = begin(store, STORE_WRITE);
    struct bytes value;

    put(txn, "a", "one");
    put(txn, "a", "two");
    assert_int_equal(store_commit(txn, NULL), 0);
    store_close(store);

    store = open_store(place->store);
    txn = begin(store, STORE_READ);
    assert_int_equal(store_get(txn, NAMES, text("a"), &value), 0);
    assert_bytes(value, "two");
    assert_int_equal(store_get(txn, NAMES, text("b"), &value), -ENOENT);
    assert_int_equal(store_get(txn, LOG, text("a"), &value), -ENOENT);
    store_abort(txn);
    store_close(store);
}

static void what_was_aborted_is_not_there(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    struct store_txn *txn = begin(store, STORE_WRITE);
    struct bytes value;

    put(txn, "a", "one");
    store_abort(txn);
    store_abort(NULL);
    txn = begin(store, STORE_READ);
    assert_int_equal(store_get(txn, NAMES, text("a"), &value), -ENOENT);
    assert_int_equal(store_count(txn, NAMES), 0);
    store_abort(txn);
}

static void a_reader_sees_the_state_it_began_with(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    struct store_txn *reader = begin(store, STORE_READ);
    struct store_txn *writer = begin(store, STORE_WRITE);
    struct bytes value;

    put(writer, "a", "one");
    assert_int_equal(store_commit(writer, NULL), 0);
    assert_int_equal(store_get(reader, NAMES, text("a"), &value), -ENOENT);
    store_abort(reader);
    reader = begin(store, STORE_READ);
    assert_int_equal(store_get(reader, NAMES, text("a"), &value), 0);
    store_abort(reader);
}

static void a_second_open_is_refused_with_the_holders_pid(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    autofree char *holder = mem_text("in use by another process (pid %d)", (int)getpid());
    struct store *second = NULL;
    struct error err = { 0 };

    (void)store; /* held open until the end */
    assert_int_equal(store_open(place->store, tables, MAP_BYTES, &second, &err), -EBUSY);
    assert_null(second);
    assert_non_null(strstr(err.text, holder));
    assert_non_null(strstr(err.text, place->store));
}

static void the_directory_is_the_owners_alone(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    autofree char *file = mem_text("%s/data.mdb", place->store);
    struct stat found;

    (void)store; /* held open until the end */
    assert_int_equal(stat(place->store, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    assert_int_equal(stat(file, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
}

static bool is_file_in(const char *directory, int fd)
{
    autofree char *link = mem_text("/proc/self/fd/%d", fd);
    char path[256] = "";

    return readlink(link, path, sizeof(path) - 1) > 0 &&
           strncmp(path, directory, strlen(directory)) == 0;
}

static void no_descriptor_of_a_store_reaches_a_child(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    unsigned count = 0;

    (void)store; /* held open until the end */
    for (int fd = 0; fd < 256; fd++) {
        if (!is_file_in(place->store, fd))
            continue;
        count++;
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    assert_true(count >= 3); /* the lock, LMDB's lock, its data */
}

static void append_takes_growing_keys_only(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    struct store_txn *txn = begin(store, STORE_WRITE);
    struct bytes key;
    struct bytes value;
    uint8_t number[8];
    struct bytes number_key = { .data = number, .size = sizeof(number) };

    for (uint64_t i = 250; i < 260; i++) {
        store_key_u64(i, number);
        assert_int_equal(store_append(txn, LOG, number_key, text("x"), NULL), 0);
    }
    assert_int_equal(store_append(txn, LOG, number_key, text("y"), NULL), -EEXIST);
    store_key_u64(7, number);
    assert_int_equal(store_append(txn, LOG, number_key, text("y"), NULL), -EEXIST);
    assert_int_equal(store_commit(txn, NULL), 0);

    txn = begin(store, STORE_READ);
    assert_int_equal(store_count(txn, LOG), 10);
    assert_int_equal(store_last(txn, LOG, &key, &value, NULL), 1);
    assert_int_equal(store_key_read_u64(key), 259);
    assert_bytes(value, "x");
    assert_int_equal(store_last(txn, NAMES, &key, &value, NULL), 0);
    store_abort(txn);
}

static void delete_and_clear_take_away(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    struct store_txn *txn = begin(store, STORE_WRITE);
    struct error err = { 0 };

    put(txn, "a", "1");
    put(txn, "b", "2");
    put(txn, "c", "3");
    assert_int_equal(store_delete(txn, NAMES, text("b"), NULL), 0);
    assert_int_equal(store_delete(txn, NAMES, text("b"), &err), -ENOENT);
    assert_non_null(strstr(err.text, "table names"));
    assert_int_equal(store_count(txn, NAMES), 2);
    assert_int_equal(store_clear(txn, NAMES, NULL), 0);
    assert_int_equal(store_count(txn, NAMES), 0);
    put(txn, "d", "4");
    assert_int_equal(store_commit(txn, NULL), 0);
    txn = begin(store, STORE_READ);
    assert_int_equal(store_count(txn, NAMES), 1);
    store_abort(txn);
}

static void a_walk_begins_at_or_after_its_key(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    autodestroy(store_txn) struct store_txn *txn = begin(store, STORE_WRITE);
    autofree char *none = walked(txn, "");
    autofree char *all = NULL;
    autofree char *from_present = NULL;
    autofree char *from_absent = NULL;
    autofree char *from_beyond = NULL;

    assert_string_equal(none, "");
    put(txn, "b", "");
    put(txn, "d", "");
    put(txn, "f", "");
    all = walked(txn, "");
    from_present = walked(txn, "d");
    from_absent = walked(txn, "c");
    from_beyond = walked(txn, "g");
    assert_string_equal(all, "bdf");
    assert_string_equal(from_present, "df");
    assert_string_equal(from_absent, "df");
    assert_string_equal(from_beyond, "");
}

/* Delete what the walk gives, over several pages: nothing is left out and nothing comes twice. */
static void a_walk_may_delete_what_it_finds(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    autodestroy(store_txn) struct store_txn *txn = begin(store, STORE_WRITE);
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    uint8_t number[8];
    struct bytes key = { .data = number, .size = sizeof(number) };
    char value[100] = { 0 };
    uint64_t expected = 0;

    for (uint64_t i = 0; i < 1000; i++) {
        store_key_u64(i, number);
        assert_int_equal(
            store_append(txn, LOG, key, (struct bytes){ (uint8_t *)value, sizeof(value) }, NULL),
            0);
    }
    assert_int_equal(store_walk(txn, LOG, text(""), &cursor, NULL), 0);
    for (;;) {
        struct bytes found;
        struct bytes found_value;
        int r = store_next(cursor, &found, &found_value, NULL);

        if (r == 0)
            break;
        assert_int_equal(r, 1);
        assert_int_equal(store_key_read_u64(found), expected++);
        memcpy(number, found.data, sizeof(number));
        if (expected % 3 != 0)
            assert_int_equal(store_delete(txn, LOG, key, NULL), 0);
    }
    assert_int_equal(expected, 1000);
    assert_int_equal(store_count(txn, LOG), 333);
}

static void a_walk_sees_what_is_put_before_it(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    autodestroy(store_txn) struct store_txn *txn = begin(store, STORE_WRITE);
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    struct bytes key;
    struct bytes value;

    put(txn, "b", "");
    put(txn, "d", "");
    assert_int_equal(store_walk(txn, NAMES, text("a"), &cursor, NULL), 0);
    put(txn, "a", ""); /* before the first step: still at or after where it begins */
    assert_int_equal(store_next(cursor, &key, &value, NULL), 1);
    assert_bytes(key, "a");
    assert_int_equal(store_next(cursor, &key, &value, NULL), 1);
    assert_bytes(key, "b");
    put(txn, "c", "");
    put(txn, "aa", ""); /* behind it */
    assert_int_equal(store_next(cursor, &key, &value, NULL), 1);
    assert_bytes(key, "c");
    assert_int_equal(store_next(cursor, &key, &value, NULL), 1);
    assert_bytes(key, "d");
    assert_int_equal(store_next(cursor, &key, &value, NULL), 0);
    assert_int_equal(store_next(cursor, &key, &value, NULL), 0);
}

static void a_walk_may_end_after_its_transaction(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);

    for (enum store_mode mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct store_txn *txn = begin(store, mode);
        struct store_cursor *left = NULL;
        struct store_cursor *ended = NULL;

        assert_int_equal(store_walk(txn, NAMES, text(""), &left, NULL), 0);
        assert_int_equal(store_walk(txn, NAMES, text(""), &ended, NULL), 0);
        store_walk_end(ended);
        assert_int_equal(store_commit(txn, NULL), 0);
        store_walk_end(left);
    }
    store_walk_end(NULL);
}

static void an_unfit_key_is_refused_and_does_no_harm(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    struct store_txn *txn = begin(store, STORE_WRITE);
    uint8_t big[512] = { 0 };
    struct bytes too_big = { .data = big, .size = sizeof(big) };
    struct store_cursor *cursor = NULL;
    struct bytes value;

    assert_int_equal(store_put(txn, NAMES, too_big, text(""), NULL), -EINVAL);
    assert_int_equal(store_put(txn, NAMES, text(""), text(""), NULL), -EINVAL);
    assert_int_equal(store_get(txn, NAMES, text(""), &value), -EINVAL);
    assert_int_equal(store_walk(txn, NAMES, too_big, &cursor, NULL), -EINVAL);
    put(txn, "a", "");
    assert_int_equal(store_commit(txn, NULL), 0);
}

/* Fill until it is full. What was committed before stays; a commit of what failed says why. */
static void fill(struct store *store)
{
    static const uint8_t filler[64 * 1024];
    struct error err = { 0 };

    for (uint64_t i = 0;; i++) {
        struct store_txn *txn = begin(store, STORE_WRITE);
        uint8_t number[8];
        int r;

        store_key_u64(i, number);
        r = store_append(txn, LOG, (struct bytes){ number, sizeof(number) },
                         (struct bytes){ filler, sizeof(filler) }, NULL);
        assert_true(r == 0 || r == -ENOSPC);
        if (store_commit(txn, &err) == -ENOSPC)
            break;
        assert_int_equal(r, 0);
        assert_true(i < 1000);
    }
    assert_int_equal(err.code, -ENOSPC);
}

static void assert_usable_when_full(struct store *store)
{
    struct store_txn *txn = begin(store, STORE_READ);
    uint64_t count = store_count(txn, LOG);
    struct bytes value;

    assert_true(count > 0);
    assert_int_equal(store_get(txn, NAMES, text("kept"), &value), 0);
    store_abort(txn);

    txn = begin(store, STORE_WRITE);
    assert_int_equal(store_clear(txn, LOG, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    for (unsigned i = 0; i < 2; i++) { /* a page is free again one commit later */
        txn = begin(store, STORE_WRITE);
        put(txn, "after", "it was full");
        assert_int_equal(store_commit(txn, NULL), 0);
    }
}

static void a_full_map_refuses_and_recovers(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = NULL;
    struct store_txn *txn;

    assert_int_equal(store_open(place->store, tables, 1024 * 1024, &store, NULL), 0);
    txn = begin(store, STORE_WRITE);
    put(txn, "kept", "");
    assert_int_equal(store_commit(txn, NULL), 0);
    fill(store);
    assert_usable_when_full(store);
}

/* In a child, whose mounts are its own. 77: this machine lets nobody mount here. */
static int use_full_disk(const struct place *place)
{
    struct store *store;
    struct store_txn *txn;

    if (unshare(CLONE_NEWNS) < 0)
        return 77;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", place->directory, "tmpfs", 0, "size=1m") < 0)
        return 77;
    store = open_store(place->store);
    txn = begin(store, STORE_WRITE);
    put(txn, "kept", "");
    assert_int_equal(store_commit(txn, NULL), 0);
    fill(store);
    assert_usable_when_full(store);
    store_close(store);
    return 0;
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(use_full_disk(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_killed_holder_leaves_an_open_door_and_its_commits(void **state)
{
    struct place *place = *state;
    struct store_txn *txn;
    struct bytes value;
    char byte;
    int told[2];
    pid_t pid;

    assert_int_equal(pipe(told), 0);
    pid = fork();
    if (pid == 0) {
        struct store *store = open_store(place->store);

        txn = begin(store, STORE_WRITE);
        put(txn, "kept", "");
        assert_int_equal(store_commit(txn, NULL), 0);
        (void)begin(store, STORE_READ); /* a dead reader */
        txn = begin(store, STORE_WRITE);
        put(txn, "lost", "");
        (void)!write(told[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    {
        autodestroy(store) struct store *store = open_store(place->store);

        txn = begin(store, STORE_WRITE);
        assert_int_equal(store_get(txn, NAMES, text("kept"), &value), 0);
        assert_int_equal(store_get(txn, NAMES, text("lost"), &value), -ENOENT);
        put(txn, "next", "");
        assert_int_equal(store_commit(txn, NULL), 0);
    }
    (void)close(told[0]);
    (void)close(told[1]);
}

static void a_file_that_is_no_store_is_named_unclean(void **state)
{
    struct place *place = *state;
    autofree char *file = mem_text("%s/data.mdb", place->store);
    char nonsense[8192];
    struct store *store = NULL;
    struct error err = { 0 };

    memset(nonsense, 'x', sizeof(nonsense));
    assert_int_equal(files_make_directories(place->store, 0700, NULL), 0);
    assert_int_equal(files_replace(AT_FDCWD, file,
                                   (struct bytes){ (uint8_t *)nonsense, sizeof(nonsense) }, 0600, 0,
                                   NULL),
                     0);
    assert_int_equal(store_open(place->store, tables, MAP_BYTES, &store, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, place->store));
}

static void the_file_grows_by_what_is_written(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    static const uint8_t filler[256 * 1024];
    uint64_t before = store_bytes(store);
    struct store_txn *txn = begin(store, STORE_WRITE);

    assert_int_equal(
        store_put(txn, NAMES, text("big"), (struct bytes){ filler, sizeof(filler) }, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    assert_true(store_bytes(store) >= before + sizeof(filler));
    assert_true(store_bytes(store) < before + 2 * sizeof(filler));
}

static void number_keys_sort_as_their_numbers(void **state)
{
    static const uint64_t numbers[] = { 0, 1, 255, 256, 65535, 1ULL << 32, UINT64_MAX };
    uint8_t before[8];

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        uint8_t key[8];

        store_key_u64(numbers[i], key);
        assert_int_equal(store_key_read_u64((struct bytes){ key, sizeof(key) }), numbers[i]);
        if (i > 0)
            assert_true(memcmp(before, key, sizeof(key)) < 0);
        memcpy(before, key, sizeof(key));
    }
}

static void put_numbered(struct store *store, unsigned from, unsigned to)
{
    struct store_txn *txn = begin(store, STORE_WRITE);

    for (unsigned i = from; i < to; i++) {
        uint8_t key[8];

        store_key_u64(i, key);
        assert_int_equal(store_append(txn, LOG, (struct bytes){ key, 8 }, text("value"), NULL), 0);
    }
    assert_int_equal(store_commit(txn, NULL), 0);
}

static uint64_t count_log(struct store *store)
{
    struct store_txn *txn = begin(store, STORE_READ);
    uint64_t count = store_count(txn, LOG);

    store_abort(txn);
    return count;
}

static void a_copy_is_a_store_of_that_moment(void **state)
{
    struct place *place = *state;
    autodestroy(store) struct store *store = open_store(place->store);
    autodestroy(store) struct store *copy = NULL;
    autofree char *directory = mem_text("%s/copy", place->directory);
    autofree char *file = mem_text("%s/data.mdb", directory);
    int fd;

    put_numbered(store, 0, 1000);
    assert_int_equal(mkdir(directory, 0700), 0);
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(store_copy(store, fd, NULL), 0);
    assert_int_equal(close(fd), 0);
    put_numbered(store, 1000, 1001);
    copy = open_store(directory);
    assert_int_equal(count_log(copy), 1000);
    assert_int_equal(count_log(store), 1001);
}

static void a_store_that_was_cut_off_does_not_end_its_reader(void **state)
{
    struct place *place = *state;
    struct store *store = open_store(place->store);
    autofree char *file = mem_text("%s/data.mdb", place->store);
    struct store_txn *txn;
    struct bytes value;
    uint8_t key[8];

    put_numbered(store, 0, 20000);
    store_close(store);
    assert_int_equal(truncate(file, 64L * 1024), 0);
    store = NULL;
    if (store_open(place->store, tables, MAP_BYTES, &store, NULL) < 0)
        return; /* it has noticed at once */
    txn = begin(store, STORE_READ);
    store_key_u64(10000, key);
    assert_int_not_equal(store_get(txn, LOG, (struct bytes){ key, 8 }, &value), 0);
    store_abort(txn);
    store_close(store);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(what_was_committed_is_there_after_reopening),
        IN_PLACE(what_was_aborted_is_not_there),
        IN_PLACE(a_reader_sees_the_state_it_began_with),
        IN_PLACE(a_second_open_is_refused_with_the_holders_pid),
        IN_PLACE(the_directory_is_the_owners_alone),
        IN_PLACE(no_descriptor_of_a_store_reaches_a_child),
        IN_PLACE(append_takes_growing_keys_only),
        IN_PLACE(delete_and_clear_take_away),
        IN_PLACE(a_walk_begins_at_or_after_its_key),
        IN_PLACE(a_walk_may_delete_what_it_finds),
        IN_PLACE(a_walk_sees_what_is_put_before_it),
        IN_PLACE(a_walk_may_end_after_its_transaction),
        IN_PLACE(an_unfit_key_is_refused_and_does_no_harm),
        IN_PLACE(a_full_map_refuses_and_recovers),
        IN_PLACE(a_full_disk_refuses_and_recovers),
        IN_PLACE(a_killed_holder_leaves_an_open_door_and_its_commits),
        IN_PLACE(a_file_that_is_no_store_is_named_unclean),
        IN_PLACE(the_file_grows_by_what_is_written),
        IN_PLACE(a_copy_is_a_store_of_that_moment),
        IN_PLACE(a_store_that_was_cut_off_does_not_end_its_reader),
        cmocka_unit_test(number_keys_sort_as_their_numbers),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
