/* Each client's high-water mark; see the header. */
#include "common/fleet/clients.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/view.h"

#define HOUR_NS (3600ULL * 1000000000)
#define FORGET_AT_ONCE                                                         \
    2 /* one comes, two may go: the table shrinks to its bound and stays there \
       */

/* Key of VIEW_CLIENT_HOURS. Hours, so that a busy client does not move at each word. */
struct hour_key {
    uint8_t hour[VIEW_NUMBER_SIZE];
    uint8_t client[VIEW_NUMBER_SIZE];
};

static struct bytes number_bytes(const uint8_t *number)
{
    return (struct bytes){ .data = number, .size = VIEW_NUMBER_SIZE };
}

static struct hour_key hour_key(uint64_t time, const uint8_t *client)
{
    struct hour_key key;

    view_write_number(key.hour, time / HOUR_NS);
    memcpy(key.client, client, VIEW_NUMBER_SIZE);
    return key;
}

static struct bytes hour_bytes(const struct hour_key *key)
{
    return (struct bytes){ .data = (const uint8_t *)key, .size = sizeof(*key) };
}

static int load_row(const struct view *view, uint64_t client, struct client_row *ret,
                    struct error *err)
{
    int r;

    r = view_client(view, client, ret, err);
    if (r != -ENOENT)
        return r;
    *ret = (struct client_row){ 0 };
    return 0;
}

static int forget(const struct view *view, const struct hour_key *oldest, uint64_t *total,
                  struct error *err)
{
    struct client_row row;
    uint64_t forgotten;
    int r;

    r = load_row(view, view_read_number(oldest->client), &row, err);
    if (r == 0)
        r = view_forgotten(view, &forgotten, err);
    if (r == 0 && row.time > forgotten)
        r = view_set_total(view, "forgotten", row.time, err);
    if (r == 0)
        r = view_remove(view, VIEW_CLIENTS, number_bytes(oldest->client), err);
    if (r == 0)
        r = view_remove(view, VIEW_CLIENT_HOURS, hour_bytes(oldest), err);
    if (r == 0)
        r = view_add_to_total(view, "clients", -1, total, err);
    return r;
}

/* Its whole hour is more than a day ago, or there are too many. */
static bool is_to_go(const struct hour_key *oldest, uint64_t now, uint64_t total)
{
    uint64_t end = (view_read_number(oldest->hour) + 1) * HOUR_NS;

    return total > VIEW_CLIENTS_MAX || (now > end && now - end > VIEW_KEPT_NS);
}

static int forget_oldest(const struct view *view, const uint8_t *client, uint64_t now,
                         uint64_t total, struct error *err)
{
    struct view_entry entry;
    struct hour_key oldest;
    int r = 0;

    for (unsigned n = 0; r == 0 && n < FORGET_AT_ONCE; n++) {
        r = view_first(view, VIEW_CLIENT_HOURS, &entry, err);
        if (r < 0)
            return r == -ENOENT ? 0 : r;
        memcpy(&oldest, entry.key, sizeof(oldest));
        if (memcmp(oldest.client, client, VIEW_NUMBER_SIZE) == 0 || !is_to_go(&oldest, now, total))
            return 0;
        r = forget(view, &oldest, &total, err);
    }
    return r;
}

/* Enter the client under the hour of its last word. */
static int enter_hour(const struct view *view, const uint8_t *client, uint64_t before, uint64_t now,
                      struct error *err)
{
    static const uint8_t present[] = { 1 };
    struct hour_key old_key = hour_key(before, client);
    struct hour_key new_key = hour_key(now, client);
    uint64_t total;
    int r;

    r = view_remove(view, VIEW_CLIENT_HOURS, hour_bytes(&old_key), err);
    if (r == 0)
        r = view_put_bytes(view, VIEW_CLIENT_HOURS, hour_bytes(&new_key),
                           (struct bytes){ .data = present, .size = sizeof(present) }, err);
    if (r == 0)
        r = view_total(view, "clients", &total, err);
    if (r == 0)
        r = forget_oldest(view, client, now, total, err);
    return r;
}

int clients_heard(const struct view *view, struct command_id id, const struct record *record,
                  struct error *err)
{
    uint64_t client = command_id_client(id);
    uint64_t sequence = command_id_sequence(id);
    uint8_t key[VIEW_NUMBER_SIZE];
    struct client_row row;
    uint64_t total;
    bool is_new;
    uint64_t before;
    int r;

    r = load_row(view, client, &row, err);
    if (r < 0)
        return r;
    if (sequence <= row.sequence)
        return error_set(err, -EPROTO, "command %llu of client %016llx after its command %llu",
                         (unsigned long long)sequence, (unsigned long long)client,
                         (unsigned long long)row.sequence);
    is_new = row.sequence == 0;
    before = row.time;
    row = (struct client_row){ .sequence = sequence, .pos = record->pos, .time = record->time };
    view_write_number(key, client);
    r = view_put_row(view, VIEW_CLIENTS, number_bytes(key), &row, err);
    if (r == 0 && is_new)
        r = view_add_to_total(view, "clients", 1, &total, err);
    if (r == 0 && (is_new || before / HOUR_NS != record->time / HOUR_NS))
        r = enter_hour(view, key, before, record->time, err);
    return r;
}

int clients_recovered(const struct view *view, struct command_id id, const struct record *record,
                      struct error *err)
{
    struct client_row row;
    int r;

    r = load_row(view, command_id_client(id), &row, err);
    if (r < 0 || command_id_sequence(id) <= row.sequence)
        return r;
    return clients_heard(view, id, record, err);
}
