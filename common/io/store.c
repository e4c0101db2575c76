/*
 * Durable tables on LMDB; see the header.
 *
 * The environment runs with LMDB's default flags, because a commit must be on the disk when it
 * returns: no MDB_NOSYNC, no MDB_NOMETASYNC, no MDB_WRITEMAP (a full disk would be a SIGBUS).
 */
#include "common/io/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <lmdb.h>

#include "common/io/files.h"
#include "common/io/lock_file.h"
#include "common/io/store_file.h"
#include "common/mem.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600
#define KEY_SIZE_MAX   511             /* LMDB's, as it was compiled */
#define FULL_BYTES     (1024UL * 1024) /* less free than this: a short write means a full disk */

struct store {
    char *directory;
    char **tables;
    MDB_dbi *handles; /* by table */
    unsigned table_count;
    MDB_env *env;
    int lock_fd;
};

struct store_txn {
    struct store *store;
    MDB_txn *mdb;
    LIST_HEAD(, store_cursor) cursors;
    uint64_t changes; /* writes so far: a walk that sees a new number finds its place again */
    int failure;      /* of the first write that failed; the commit repeats it */
};

struct store_cursor {
    LIST_ENTRY(store_cursor) link;
    struct store_txn *txn; /* NULL: the transaction has ended */
    MDB_cursor *mdb;
    unsigned table;
    uint64_t changes;
    bool has_key; /* `key` was given out; else it is where to begin */
    size_t key_size;
    uint8_t key[KEY_SIZE_MAX];
};

static int errno_of(int code)
{
    if (code > 0)
        return -code;
    switch (code) {
    case MDB_KEYEXIST:
        return -EEXIST;
    case MDB_NOTFOUND:
        return -ENOENT;
    case MDB_MAP_FULL:
        return -ENOSPC;
    case MDB_DBS_FULL:
        return -ENFILE;
    case MDB_READERS_FULL:
        return -EAGAIN;
    case MDB_TXN_FULL:
        return -E2BIG;
    case MDB_PANIC:
        return -ENOTRECOVERABLE;
    case MDB_BAD_TXN:
    case MDB_BAD_VALSIZE:
        return -EINVAL;
    default: /* the file is not what it should be */
        return -EUCLEAN;
    }
}

static int fail_store(const struct store *store, int code, const char *action, struct error *err)
{
    return error_set(err, errno_of(code), "store %s: %s: %s", store->directory, action,
                     mdb_strerror(code));
}

static int fail_table(const struct store_txn *txn, unsigned table, int code, struct error *err)
{
    return error_set(err, errno_of(code), "store %s: table %s: %s", txn->store->directory,
                     txn->store->tables[table], mdb_strerror(code));
}

/* LMDB takes both ways through one type; it does not write to what it is given. */
static MDB_val to_mdb(struct bytes bytes)
{
    union {
        const uint8_t *ours;
        void *theirs;
    } data = { .ours = bytes.data };

    return (MDB_val){ .mv_data = data.theirs, .mv_size = bytes.size };
}

static struct bytes from_mdb(MDB_val value)
{
    return (struct bytes){ .data = value.mv_data, .size = value.mv_size };
}

uint64_t store_bytes(struct store *store)
{
    MDB_envinfo info;
    MDB_stat stat;

    (void)mdb_env_info(store->env, &info);
    (void)mdb_env_stat(store->env, &stat);
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

static int open_environment(struct store *store, uint64_t map_bytes, struct error *err)
{
    int fd;
    int r = mdb_env_create(&store->env);

    if (r != 0)
        return fail_store(store, r, "create environment", err);
    r = mdb_env_set_mapsize(store->env, (size_t)map_bytes);
    if (r == 0)
        r = mdb_env_set_maxdbs(store->env, store->table_count);
    if (r == 0)
        r = mdb_env_open(store->env, store->directory, MDB_NOTLS, FILE_MODE);
    if (r == 0)
        r = mdb_env_get_fd(store->env, &fd);
    if (r == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        r = errno;
    if (r == 0)
        r = store_file_make_whole(fd, store_bytes(store));
    if (r == 0)
        r = mdb_reader_check(store->env, NULL);
    return r == 0 ? 0 : fail_store(store, r, "open", err);
}

static int open_tables(struct store *store, struct error *err)
{
    MDB_txn *txn;
    int r = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (r != 0)
        return fail_store(store, r, "begin", err);
    for (unsigned i = 0; i < store->table_count; i++) {
        r = mdb_dbi_open(txn, store->tables[i], MDB_CREATE, &store->handles[i]);
        if (r != 0) {
            mdb_txn_abort(txn);
            return fail_store(store, r, store->tables[i], err);
        }
    }
    r = mdb_txn_commit(txn);
    return r == 0 ? 0 : fail_store(store, r, "commit", err);
}

static struct store *new_store(const char *directory, const char *const *tables)
{
    struct store *store = mem_new(struct store);

    store->lock_fd = -1;
    store->directory = mem_dup_text(directory);
    while (tables[store->table_count] != NULL)
        store->table_count++;
    store->tables = mem_zeroed((store->table_count + 1) * sizeof(*store->tables));
    store->handles = mem_zeroed((store->table_count + 1) * sizeof(*store->handles));
    for (unsigned i = 0; i < store->table_count; i++)
        store->tables[i] = mem_dup_text(tables[i]);
    return store;
}

int store_open(const char *directory, const char *const *tables, uint64_t map_bytes,
               struct store **ret, struct error *err)
{
    autodestroy(store) struct store *store = new_store(directory, tables);
    autofree char *lock = NULL;
    int r = files_make_durable(directory, DIRECTORY_MODE, err);

    store_file_keep_lists_mapped();
    if (r < 0)
        return r;
    lock = mem_text("%s/lock", directory);
    r = lock_file_take(lock, FILE_MODE, &store->lock_fd, err);
    if (r < 0)
        return error_add_context(err, r, "store %s", directory);
    r = store_file_make(directory, FILE_MODE);
    if (r != 0)
        return fail_store(store, r, "make", err);
    r = open_environment(store, map_bytes, err);
    if (r < 0)
        return r;
    r = open_tables(store, err);
    if (r < 0)
        return r;
    /* Each time: who made the files may have been killed before it came to this. */
    r = files_sync_directory(directory, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(store);
    return 0;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    for (unsigned i = 0; i < store->table_count; i++)
        free(store->tables[i]);
    free(store->tables);
    free(store->handles);
    free(store->directory);
    free(store);
}

int store_copy(struct store *store, int fd, struct error *err)
{
    int r = mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT);

    if (r != 0)
        return fail_store(store, r, "copy", err);
    return fsync(fd) < 0 ? error_set_errno(err, "store %s: copy", store->directory) : 0;
}

int store_begin(struct store *store, enum store_mode mode, struct store_txn **ret,
                struct error *err)
{
    struct store_txn *txn;
    MDB_txn *mdb;
    int r = mdb_txn_begin(store->env, NULL, mode == STORE_READ ? MDB_RDONLY : 0, &mdb);

    if (r != 0)
        return fail_store(store, r, "begin", err);
    txn = mem_new(struct store_txn);
    txn->store = store;
    txn->mdb = mdb;
    LIST_INIT(&txn->cursors);
    *ret = txn;
    return 0;
}

static void detach_cursor(struct store_cursor *cursor)
{
    if (cursor->txn == NULL)
        return;
    mdb_cursor_close(cursor->mdb);
    LIST_REMOVE(cursor, link);
    cursor->txn = NULL;
}

static void detach_cursors(struct store_txn *txn)
{
    while (!LIST_EMPTY(&txn->cursors))
        detach_cursor(LIST_FIRST(&txn->cursors));
}

/* LMDB calls a short write EIO, and a commit after a failed write a bad transaction: say what lies
 * behind. */
static int cause_of_failure(const struct store_txn *txn, int code)
{
    struct statvfs disk;
    uint64_t free_blocks;

    if (code == MDB_BAD_TXN && txn->failure != 0)
        return txn->failure;
    if (code != EIO || statvfs(txn->store->directory, &disk) < 0)
        return code;
    free_blocks = geteuid() == 0 ? disk.f_bfree : disk.f_bavail;
    return free_blocks * disk.f_frsize < FULL_BYTES ? ENOSPC : code;
}

int store_commit(struct store_txn *txn, struct error *err)
{
    int r;

    detach_cursors(txn);
    r = mdb_txn_commit(txn->mdb);
    if (r != 0)
        r = fail_store(txn->store, cause_of_failure(txn, r), "commit", err);
    free(txn);
    return r;
}

void store_abort(struct store_txn *txn)
{
    if (txn == NULL)
        return;
    detach_cursors(txn);
    mdb_txn_abort(txn->mdb);
    free(txn);
}

static MDB_dbi handle_of(const struct store_txn *txn, unsigned table)
{
    assert(table < txn->store->table_count);
    return txn->store->handles[table];
}

int store_get(struct store_txn *txn, unsigned table, struct bytes key, struct bytes *ret)
{
    MDB_val wanted = to_mdb(key);
    MDB_val found;
    int r = mdb_get(txn->mdb, handle_of(txn, table), &wanted, &found);

    if (r != 0)
        return errno_of(r);
    *ret = from_mdb(found);
    return 0;
}

/* What came of a write. A missing or present key leaves the transaction as good as it was. */
static int settle_write(struct store_txn *txn, unsigned table, int code, struct error *err)
{
    txn->changes++;
    if (code == 0)
        return 0;
    if (txn->failure == 0 && code != MDB_KEYEXIST && code != MDB_NOTFOUND)
        txn->failure = code;
    return fail_table(txn, table, code, err);
}

int store_put(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
              struct error *err)
{
    MDB_val mdb_key = to_mdb(key);
    MDB_val mdb_value = to_mdb(value);

    return settle_write(txn, table,
                        mdb_put(txn->mdb, handle_of(txn, table), &mdb_key, &mdb_value, 0), err);
}

int store_append(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
                 struct error *err)
{
    MDB_val mdb_key = to_mdb(key);
    MDB_val mdb_value = to_mdb(value);

    return settle_write(txn, table,
                        mdb_put(txn->mdb, handle_of(txn, table), &mdb_key, &mdb_value, MDB_APPEND),
                        err);
}

int store_delete(struct store_txn *txn, unsigned table, struct bytes key, struct error *err)
{
    MDB_val mdb_key = to_mdb(key);

    return settle_write(txn, table, mdb_del(txn->mdb, handle_of(txn, table), &mdb_key, NULL), err);
}

int store_clear(struct store_txn *txn, unsigned table, struct error *err)
{
    return settle_write(txn, table, mdb_drop(txn->mdb, handle_of(txn, table), 0), err);
}

uint64_t store_count(struct store_txn *txn, unsigned table)
{
    MDB_stat stat = { 0 };

    (void)mdb_stat(txn->mdb, handle_of(txn, table), &stat);
    return stat.ms_entries;
}

uint64_t store_table_bytes(struct store_txn *txn, unsigned table)
{
    MDB_stat stat = { 0 };

    (void)mdb_stat(txn->mdb, handle_of(txn, table), &stat);
    return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

static int open_cursor(struct store_txn *txn, unsigned table, MDB_cursor **ret, struct error *err)
{
    int r = mdb_cursor_open(txn->mdb, handle_of(txn, table), ret);

    return r == 0 ? 0 : fail_table(txn, table, r, err);
}

int store_walk(struct store_txn *txn, unsigned table, struct bytes from, struct store_cursor **ret,
               struct error *err)
{
    struct store_cursor *cursor;
    MDB_cursor *mdb;
    int r;

    if (from.size > KEY_SIZE_MAX)
        return fail_table(txn, table, MDB_BAD_VALSIZE, err);
    r = open_cursor(txn, table, &mdb, err);
    if (r < 0)
        return r;
    cursor = mem_new(struct store_cursor);
    cursor->txn = txn;
    cursor->mdb = mdb;
    cursor->table = table;
    cursor->key_size = from.size;
    if (from.size > 0)
        memcpy(cursor->key, from.data, from.size);
    LIST_INSERT_HEAD(&txn->cursors, cursor, link);
    *ret = cursor;
    return 0;
}

/* LMDB's own position is trusted only while nothing was written: what a put or a delete makes of
 * other cursors is its affair, the last key is ours. */
static int step_cursor(struct store_cursor *cursor, MDB_val *key, MDB_val *value)
{
    MDB_val last = { .mv_data = cursor->key, .mv_size = cursor->key_size };
    int r;

    if (cursor->key_size == 0)
        return mdb_cursor_get(cursor->mdb, key, value, MDB_FIRST);
    if (cursor->has_key && cursor->changes == cursor->txn->changes)
        return mdb_cursor_get(cursor->mdb, key, value, MDB_NEXT);
    *key = last;
    r = mdb_cursor_get(cursor->mdb, key, value, MDB_SET_RANGE);
    if (r != 0 || !cursor->has_key || !bytes_equal(from_mdb(*key), from_mdb(last)))
        return r;
    return mdb_cursor_get(cursor->mdb, key, value, MDB_NEXT);
}

/* Damaged pages may lead a walk in a circle: who walks must get on, or be told. */
static bool is_beyond_last(const struct store_cursor *cursor, MDB_val key)
{
    size_t size = key.mv_size < cursor->key_size ? key.mv_size : cursor->key_size;
    int order = memcmp(key.mv_data, cursor->key, size);

    return key.mv_size <= KEY_SIZE_MAX &&
           (!cursor->has_key || order > 0 || (order == 0 && key.mv_size > cursor->key_size));
}

int store_next(struct store_cursor *cursor, struct bytes *ret_key, struct bytes *ret_value,
               struct error *err)
{
    MDB_val key;
    MDB_val value;
    int r;

    assert(cursor->txn != NULL);
    r = step_cursor(cursor, &key, &value);
    if (r == MDB_NOTFOUND)
        return 0;
    if (r != 0)
        return fail_table(cursor->txn, cursor->table, r, err);
    if (!is_beyond_last(cursor, key))
        return fail_table(cursor->txn, cursor->table, MDB_CORRUPTED, err);
    memcpy(cursor->key, key.mv_data, key.mv_size);
    cursor->key_size = key.mv_size;
    cursor->has_key = true;
    cursor->changes = cursor->txn->changes;
    *ret_key = from_mdb(key);
    *ret_value = from_mdb(value);
    return 1;
}

void store_walk_end(struct store_cursor *cursor)
{
    if (cursor == NULL)
        return;
    detach_cursor(cursor);
    free(cursor);
}

int store_last(struct store_txn *txn, unsigned table, struct bytes *ret_key,
               struct bytes *ret_value, struct error *err)
{
    MDB_cursor *mdb;
    MDB_val key;
    MDB_val value;
    int r = open_cursor(txn, table, &mdb, err);

    if (r < 0)
        return r;
    r = mdb_cursor_get(mdb, &key, &value, MDB_LAST);
    mdb_cursor_close(mdb);
    if (r == MDB_NOTFOUND)
        return 0;
    if (r != 0)
        return fail_table(txn, table, r, err);
    *ret_key = from_mdb(key);
    *ret_value = from_mdb(value);
    return 1;
}
