/* The hosts' part of the fold; see the header. */
#include "common/fleet/hosts.h"

#include <errno.h>

#include "common/fleet/body.h"
#include "common/fleet/containers.h"
#include "common/fleet/storage.h"
#include "common/fleet/view.h"

/* What the host was, its facts sealed, or a new row: its state is zero then. */
static int load_or_new(const struct view *view, const struct record *record, struct host_row *ret,
                       struct arena *arena, struct error *err)
{
    int r;

    if (record->host == NULL || !name_is_valid(record->host))
        return error_set(err, -EPROTO, "%s without a host", record->type);
    r = view_host_sealed(view, record->host, ret, arena, err);
    if (r != -ENOENT)
        return r;
    *ret = (struct host_row){ .name = record->host };
    return 0;
}

static int load_row(const struct view *view, const struct record *record, struct host_row *ret,
                    struct arena *arena, struct error *err)
{
    int r;

    r = load_or_new(view, record, ret, arena, err);
    if (r == 0 && ret->state == 0)
        return error_set(err, -EPROTO, "%s of unknown host %s", record->type, record->host);
    return r;
}

static int put_row(const struct view *view, const struct host_row *row, struct error *err)
{
    return view_put_sealed(view, VIEW_HOSTS, bytes_of_text(row->name), row, err);
}

static void change_state(struct host_row *row, enum host_state state, const struct record *record)
{
    if (row->state != (uint32_t)state) {
        row->state = (uint32_t)state;
        row->since = record->time;
    }
    row->pos = record->pos;
}

static int forget_all(const struct view *view, const char *host, struct error *err)
{
    int r = containers_drop_host(view, host, err);

    return r == 0 ? storage_drop_host(view, host, err) : r;
}

int hosts_hello(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct host_hello hello = { 0 };
    struct host_row row = { 0 };
    bool is_same_journal;
    int r;

    r = body_decode(&host_hello_schema, record, &hello, &arena, err);
    if (r == 0)
        r = load_or_new(view, record, &row, &arena, err);
    if (r < 0)
        return r;
    is_same_journal = command_id_equal(row.journal, hello.journal);
    if (is_same_journal && hello.incarnation < row.incarnation)
        return error_set(err, -EPROTO, "hello of host %s: incarnation %llu after %llu", row.name,
                         (unsigned long long)hello.incarnation,
                         (unsigned long long)row.incarnation);
    if (!is_same_journal) {
        r = forget_all(view, row.name, err);
        if (r < 0)
            return r;
        row.journal = hello.journal;
        row.journal_seq = 0;
        row.recovery = 0;
        row.recovered = 0;
    }
    row.incarnation = hello.incarnation;
    row.session = hello.session;
    row.facts = hello.facts;
    change_state(&row, HOST_REACHABLE, record);
    return view_put_row(view, VIEW_HOSTS, bytes_of_text(row.name), &row, err);
}

static int move(const struct view *view, const struct record *record, enum host_state state,
                struct error *err)
{
    autoarena arena = { 0 };
    struct host_row row = { 0 };
    int r;

    r = load_row(view, record, &row, &arena, err);
    if (r == 0 && row.state == HOST_LOST)
        r = error_set(err, -EPROTO, "%s of host %s, which is lost", record->type, row.name);
    if (r < 0)
        return r;
    change_state(&row, state, record);
    return put_row(view, &row, err);
}

int hosts_unreachable(const struct view *view, const struct record *record, struct error *err)
{
    return move(view, record, HOST_UNREACHABLE, err);
}

int hosts_reachable(const struct view *view, const struct record *record, struct error *err)
{
    return move(view, record, HOST_REACHABLE, err);
}

int hosts_lost(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct host_lost lost = { 0 };
    struct host_row row = { 0 };
    int r;

    r = body_decode(&host_lost_schema, record, &lost, &arena, err);
    if (r == 0)
        r = load_row(view, record, &row, &arena, err);
    if (r == 0 && (row.state != HOST_UNREACHABLE || !command_id_equal(row.journal, lost.journal)))
        r = error_set(err, -EPROTO, "%s of host %s, which is not the one that fell silent",
                      record->type, row.name);
    if (r == 0)
        r = forget_all(view, row.name, err);
    if (r < 0)
        return r;
    row.recovery = 0;
    row.recovered = 0;
    change_state(&row, HOST_LOST, record);
    return put_row(view, &row, err);
}

/* Commands of then may have been carried out, and nobody knows. */
static int forget_until(const struct view *view, uint64_t time, struct error *err)
{
    uint64_t forgotten;
    int r;

    r = view_forgotten(view, &forgotten, err);
    if (r < 0 || time <= forgotten)
        return r;
    return view_set_total(view, "forgotten", time, err);
}

int hosts_recovering(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct host_recovering recovering = { 0 };
    struct host_row row = { 0 };
    int r;

    r = body_decode(&host_recovering_schema, record, &recovering, &arena, err);
    if (r == 0 && recovering.from == 0)
        r = error_set(err, -EPROTO, "the events of a journal begin at 1");
    if (r == 0)
        r = load_row(view, record, &row, &arena, err);
    if (r == 0)
        r = forget_all(view, row.name, err);
    if (r == 0)
        r = forget_until(view, recovering.lost_until, err);
    if (r < 0)
        return r;
    row.journal_seq = recovering.from - 1;
    row.recovery = record->pos;
    row.recovered = 0;
    row.pos = record->pos;
    return put_row(view, &row, err);
}

/* Its row, while it is being recovered. */
static int load_recovering(const struct view *view, const struct record *record,
                           struct host_row *ret, struct arena *arena, struct error *err)
{
    int r;

    r = load_row(view, record, ret, arena, err);
    if (r == 0 && ret->recovery == 0)
        return error_set(err, -EPROTO, "%s of host %s, which is not being recovered", record->type,
                         record->host);
    return r;
}

int hosts_recovered(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct host_row row;
    int r;

    r = load_recovering(view, record, &row, &arena, err);
    if (r < 0)
        return r;
    row.recovery = 0;
    row.recovered = 0;
    row.pos = record->pos;
    return put_row(view, &row, err);
}

int hosts_count_recovered(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct host_row row;
    int r;

    r = load_recovering(view, record, &row, &arena, err);
    if (r < 0)
        return r;
    row.recovered++;
    return put_row(view, &row, err);
}

int hosts_journal(const struct view *view, const struct record *record, bool *ret_is_past,
                  struct error *err)
{
    autoarena arena = { 0 };
    struct host_row row;
    int r;

    r = load_row(view, record, &row, &arena, err);
    if (r < 0)
        return r;
    if (record->journal_seq <= row.journal_seq)
        return error_set(err, -EPROTO, "event %llu of host %s after its event %llu",
                         (unsigned long long)record->journal_seq, row.name,
                         (unsigned long long)row.journal_seq);
    row.journal_seq = record->journal_seq;
    *ret_is_past = row.recovery != 0;
    return put_row(view, &row, err);
}
