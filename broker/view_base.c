/* The view as it was at the floor of the log; see the header. */
#include "broker/view_base.h"

#include <errno.h>

#include "broker/view_store.h"

static const char *const version_name = "base_version";
static const char *const position_name = "base_pos";

static const char *const names[VIEW_TABLE_COUNT] = {
    [VIEW_HOSTS] = "base_hosts",
    [VIEW_CONTAINERS] = "base_containers",
    [VIEW_NAMES] = "base_names",
    [VIEW_COMMANDS] = "base_commands",
    [VIEW_CLIENTS] = "base_clients",
    [VIEW_FINISHED] = "base_finished",
    [VIEW_CLIENT_HOURS] = "base_client_hours",
    [VIEW_TOTALS] = "base_totals",
    [VIEW_IMAGES] = "base_images",
    [VIEW_VOLUMES] = "base_volumes",
};

static int get_row(void *store, enum view_table table, struct bytes key, struct bytes *ret)
{
    return log_table_get(store, VIEW_STORE_BASE + table, key, ret);
}

static int put_row(void *store, enum view_table table, struct bytes key, struct bytes value,
                   struct error *err)
{
    return log_table_put(store, VIEW_STORE_BASE + table, key, value, err);
}

static int remove_row(void *store, enum view_table table, struct bytes key, struct error *err)
{
    return log_table_remove(store, VIEW_STORE_BASE + table, key, err);
}

static int walk_rows(void *store, enum view_table table, struct bytes from,
                     int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                     struct error *err)
{
    int r = log_table_walk(store, VIEW_STORE_BASE + table, from, visit, owner, err);

    return r > 0 ? 0 : r; /* who has seen enough has not failed */
}

static const struct view_functions base_in_log = {
    .get = get_row,
    .put = put_row,
    .remove = remove_row,
    .walk = walk_rows,
};

void view_base_tables(const char **ret)
{
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++)
        ret[i] = names[i];
}

/* Nothing was trimmed yet: begin by these rules, with nothing. */
static int begin(struct log_txn *txn, struct error *err)
{
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++) {
        int r = log_table_clear(txn, VIEW_STORE_BASE + i, err);

        if (r < 0)
            return r;
    }
    return view_store_put_number(txn, version_name, VIEW_VERSION, err);
}

static int check(struct log_txn *txn, uint64_t floor, struct error *err)
{
    uint64_t version;
    uint64_t pos;
    int r;

    r = view_store_number(txn, version_name, &version, err);
    if (r < 0)
        return r;
    r = view_store_number(txn, position_name, &pos, err);
    if (r < 0)
        return r;
    if (pos != floor)
        return error_set(err, -ENODATA,
                         "records up to %llu are no longer kept, and what was kept of them ends at "
                         "%llu",
                         (unsigned long long)floor, (unsigned long long)pos);
    if (version != VIEW_VERSION)
        return error_set(err, -ENODATA,
                         "records up to %llu are no longer kept, and what was kept of them was "
                         "folded by the rules %llu, while this Gantry has the rules %d: use the "
                         "Gantry that wrote it",
                         (unsigned long long)floor, (unsigned long long)version, VIEW_VERSION);
    return 0;
}

int view_base_open(struct log_txn *txn, struct view *ret, struct error *err)
{
    struct log_state state;
    int r;

    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    r = state.floor == 0 ? begin(txn, err) : check(txn, state.floor, err);
    if (r < 0)
        return r;
    *ret = (struct view){ .functions = &base_in_log, .store = txn };
    return 0;
}

int view_base_moved(struct log_txn *txn, uint64_t floor, struct error *err)
{
    return view_store_put_number(txn, position_name, floor, err);
}

/* Rows on their way into another view. */
struct copy {
    const struct view *view;
    enum view_table table;
    struct error *err;
};

static int copy_row(void *owner, struct bytes key, struct bytes value)
{
    struct copy *copy = owner;

    return copy->view->functions->put(copy->view->store, copy->table, key, value, copy->err);
}

int view_base_copy(struct log_txn *txn, const struct view *view, struct error *err)
{
    struct copy copy = { .view = view, .err = err };
    struct log_state state;
    int r;

    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    r = check(txn, state.floor, err);
    for (unsigned i = 0; r >= 0 && i < VIEW_TABLE_COUNT; i++) {
        copy.table = (enum view_table)i;
        r = walk_rows(txn, copy.table, (struct bytes){ 0 }, copy_row, &copy, err);
    }
    return r;
}
