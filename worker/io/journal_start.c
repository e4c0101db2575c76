/* A start of the worker; see the header. */
#include "worker/io/journal_start.h"

#include <errno.h>
#include <sys/random.h>

#include "common/id.h"
#include "worker/io/sealed.h"

#define FORMAT 1

static bool is_text(struct bytes value, const char *text)
{
    return bytes_equal(value, bytes_of_text(text));
}

static int make_random(void *ret, size_t size, struct error *err)
{
    return getrandom(ret, size, 0) == (ssize_t)size ? 0 : error_set_errno(err, "random bytes");
}

static int make_new(struct store_txn *txn, const char *host, struct error *err)
{
    struct command_id id;
    int r = make_random(id.bytes, sizeof(id.bytes), err);

    if (r == 0)
        r = sealed_put_number(txn, JOURNAL_META_TABLE, "format", FORMAT, err);
    if (r == 0)
        r = sealed_put(txn, JOURNAL_META_TABLE, bytes_of_text("host"), bytes_of_text(host), err);
    return r == 0 ? sealed_put_id(txn, JOURNAL_META_TABLE, "id", id, err) : r;
}

static int check_owner(struct store_txn *txn, const char *host, struct error *err)
{
    uint64_t format = 0;
    struct bytes value = { 0 };
    int r = sealed_get(txn, JOURNAL_META_TABLE, bytes_of_text("host"), &value, err);

    if (r == -ENOENT)
        return make_new(txn, host, err);
    if (r == 0)
        r = sealed_get_number(txn, JOURNAL_META_TABLE, "format", &format, err);
    if (r < 0)
        return r;
    if (format != FORMAT)
        return error_set(err, -EINVAL, "it has format %llu, and this worker knows %d",
                         (unsigned long long)format, FORMAT);
    if (!is_text(value, host))
        return error_set(err, -EINVAL,
                         "it is of host %.*s, and this is host %s: give each its own directory",
                         (int)value.size, (const char *)value.data, host);
    return 0;
}

int journal_start_put_boot(struct store_txn *txn, const char *boot_id, struct error *err)
{
    return sealed_put(txn, JOURNAL_META_TABLE, bytes_of_text("boot"), bytes_of_text(boot_id), err);
}

static int look_at_boot(struct store_txn *txn, const char *boot_id, bool *ret_is_rebooted,
                        struct error *err)
{
    struct bytes value = { 0 };
    int r = sealed_get(txn, JOURNAL_META_TABLE, bytes_of_text("boot"), &value, err);

    if (r == -ENOENT)
        return journal_start_put_boot(txn, boot_id, err);
    *ret_is_rebooted = r == 0 && !is_text(value, boot_id);
    return r;
}

int journal_start_put_sessions(struct store_txn *txn, const struct sessions_text *sessions,
                               struct error *err)
{
    return sealed_put(txn, JOURNAL_META_TABLE, bytes_of_text("sessions"),
                      bytes_at(sessions->bytes, sessions->size), err);
}

static int begin_session(struct store_txn *txn, struct journal_start *start, struct error *err)
{
    struct sessions_text text;
    struct bytes kept = { 0 };
    uint64_t session = 0;
    int r = sealed_get(txn, JOURNAL_META_TABLE, bytes_of_text("sessions"), &kept, err);

    if (r < 0 && r != -ENOENT)
        return r;
    sessions_read(kept, &start->sessions);
    sessions_write(&start->sessions, &start->before);
    r = make_random(&session, sizeof(session), err);
    if (r < 0)
        return r;
    sessions_begin(&start->sessions, session | 1); /* zero says that there is none */
    sessions_write(&start->sessions, &text);
    return journal_start_put_sessions(txn, &text, err);
}

int journal_start_begin(struct store_txn *txn, const char *host, const char *boot_id,
                        struct journal_start *ret, struct error *err)
{
    int r = check_owner(txn, host, err);

    if (r == 0)
        r = look_at_boot(txn, boot_id, &ret->is_rebooted, err);
    if (r == 0)
        r = sealed_get_number(txn, JOURNAL_META_TABLE, "incarnation", &ret->incarnation, err);
    if (r < 0)
        return r;
    ret->incarnation++;
    r = sealed_put_number(txn, JOURNAL_META_TABLE, "incarnation", ret->incarnation, err);
    return r == 0 ? begin_session(txn, ret, err) : r;
}
