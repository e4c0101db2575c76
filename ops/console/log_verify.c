/* gantry log verify: read the whole log, and hold it to what it promises. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/fleet/log_check.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"
#include "ops/console/watch.h"

#define EXIT_FAULTS 1

struct verify_options {
    const char *format;
    bool rebuild;
    struct text_list operands; /* none */
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct verify_options, format, ARG_TEXT, 0, "format", "FORMAT", "json, or a Go template"),
    ARG(struct verify_options, rebuild, ARG_FLAG, 0, "rebuild", NULL,
        "Hold the broker's view against what the log folds to"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct verify_options, operands),
};

/* A log while it is verified. */
struct verification {
    struct console *console;
    struct log_check *check;
    struct info_is info;
    uint64_t limit; /* no record beyond it; 0: none is known */
    bool is_rebuilt;
    struct view_hash_is broker; /* what the broker says of its view */
    uint64_t hash;              /* of ours at the same position */
};

static int ask(struct verification *verification, const struct schema *schema,
               const struct schema *reply, void *ret, struct error *err)
{
    static const struct nothing nothing;
    const struct client_question question = { .schema = schema,
                                              .message = &nothing,
                                              .reply = reply };
    struct client *client = NULL;
    int r = console_client(verification->console, &client, err);

    return r < 0 ? r : client_ask(client, &question, ret, &verification->console->arena, err);
}

static int add_record(void *owner, const struct record *record, struct error *err)
{
    struct verification *verification = owner;

    if (verification->limit != 0 && record->pos > verification->limit)
        return 1;
    return log_check_add(verification->check, record, err);
}

/* From where the check has come to where the log ends now. */
static int read_on(struct verification *verification, uint64_t *ret_head, struct error *err)
{
    uint64_t pos = log_check_pos(verification->check);
    struct watch watch = { .cursor = pos > 0 ? pos : verification->info.floor };
    int r = watch_to_end(verification->console, &watch, add_record, verification, ret_head, err);

    return r < 0 ? r : 0;
}

static int read_log(struct verification *verification, struct error *err)
{
    struct info_is after = { 0 };
    uint64_t head = 0;
    uint64_t pos;
    int r = ask(verification, &info_schema, &info_is_schema, &verification->info, err);

    if (r < 0)
        return r;
    verification->check = log_check_new(verification->info.floor);
    r = read_on(verification, &head, err);
    if (r == 0)
        r = ask(verification, &info_schema, &info_is_schema, &after, err);
    if (r < 0)
        return r;
    pos = log_check_pos(verification->check);
    if (pos != head)
        log_check_fault(verification->check, pos, "it is the last record, and the head is %llu",
                        (unsigned long long)head);
    if (!command_id_equal(after.log, verification->info.log) ||
        after.epoch != verification->info.epoch)
        return error_set(err, -ESTALE, "the log was replaced by another one meanwhile");
    return 0;
}

/* The broker's view is of a moment that we have not reached yet, or just have. */
static int rebuild(struct verification *verification, struct error *err)
{
    struct view_hash_is *broker = &verification->broker;
    uint64_t head = 0;
    int r;

    if (verification->info.floor > 0)
        return error_set(err, -ENODATA,
                         "--rebuild: records up to %llu are no longer kept, and a view is folded "
                         "from the first one on",
                         (unsigned long long)verification->info.floor);
    r = ask(verification, &view_hash_schema, &view_hash_is_schema, broker, err);
    if (r < 0)
        return r;
    if (broker->version != VIEW_VERSION)
        return error_set(err, -EPROTO,
                         "the broker folds by the rules of version %u, and this is version %d",
                         broker->version, VIEW_VERSION);
    verification->limit = broker->pos;
    r = broker->pos > log_check_pos(verification->check) ? read_on(verification, &head, err) : 0;
    if (r == 0)
        r = view_hash(log_check_view(verification->check), &verification->hash, err);
    if (r < 0)
        return r;
    verification->is_rebuilt = true;
    if (verification->hash != broker->hash)
        log_check_fault(verification->check, broker->pos,
                        "the log folds to the view %016llx, and the broker has %016llx",
                        (unsigned long long)verification->hash, (unsigned long long)broker->hash);
    return 0;
}

static struct json_t *view_tree(const struct verification *verification)
{
    struct json_t *tree = tree_object();
    char hash[20];
    char broker[20];

    (void)snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)verification->hash);
    (void)snprintf(broker, sizeof(broker), "%016llx",
                   (unsigned long long)verification->broker.hash);
    tree_set_number(tree, "Pos", (int64_t)verification->broker.pos);
    tree_set_text(tree, "Hash", hash);
    tree_set_text(tree, "BrokerHash", broker);
    tree_set_bool(tree, "Same", verification->hash == verification->broker.hash);
    return tree;
}

static struct json_t *faults_tree(const struct log_check *check)
{
    struct json_t *list = tree_list();
    const struct log_fault *fault;

    for (size_t i = 0; (fault = log_check_fault_at(check, i)) != NULL; i++) {
        struct json_t *tree = tree_object();

        tree_set_number(tree, "Pos", (int64_t)fault->pos);
        tree_set_text(tree, "Text", fault->text);
        tree_append(list, tree);
    }
    return list;
}

static struct json_t *report(const struct verification *verification)
{
    const struct log_counts counts = log_check_counts(verification->check);
    struct json_t *tree = tree_object();
    char log[2 * COMMAND_ID_SIZE + 1];

    hex_write(verification->info.log.bytes, COMMAND_ID_SIZE, log);
    tree_set_text(tree, "LogId", log);
    tree_set_number(tree, "Epoch", (int64_t)verification->info.epoch);
    tree_set_number(tree, "Floor", (int64_t)verification->info.floor);
    tree_set_number(tree, "Head", (int64_t)log_check_pos(verification->check));
    tree_set_number(tree, "Records", (int64_t)counts.records);
    tree_set_number(tree, "Commands", (int64_t)counts.commands);
    tree_set_number(tree, "Outcomes", (int64_t)counts.outcomes);
    tree_set_number(tree, "Streams", (int64_t)counts.streams);
    tree_set_number(tree, "Journals", (int64_t)counts.journals);
    tree_set_number(tree, "Recoveries", (int64_t)counts.recoveries);
    tree_set_number(tree, "LostUntil", (int64_t)counts.lost_until);
    tree_set_number(tree, "Unfollowed", (int64_t)counts.unfollowed);
    tree_set(tree, "View", verification->is_rebuilt ? view_tree(verification) : tree_of_null());
    tree_set_number(tree, "FaultCount", (int64_t)counts.faults);
    tree_set(tree, "Faults", faults_tree(verification->check));
    return tree;
}

static void print_faults(const struct log_check *check)
{
    uint64_t count = log_check_counts(check).faults;
    const struct log_fault *fault;

    printf("Faults:     %llu\n", (unsigned long long)count);
    for (size_t i = 0; (fault = log_check_fault_at(check, i)) != NULL; i++)
        printf("  record %llu: %s\n", (unsigned long long)fault->pos, fault->text);
    if (count > LOG_CHECK_FAULTS_MAX)
        printf("  and %llu more\n", (unsigned long long)(count - LOG_CHECK_FAULTS_MAX));
}

/* A log that was made anew is sound and yet not the whole story. */
static void print_recoveries(const struct log_counts *counts)
{
    char lost_until[UNITS_TIME_SIZE];

    if (counts->recoveries == 0)
        return;
    printf("Recovered:  %llu times a host told what the log lacked; outcomes and events that its "
           "worker no longer had are not here\n",
           (unsigned long long)counts->recoveries);
    if (counts->lost_until == 0)
        return;
    units_write_time(counts->lost_until, lost_until);
    printf("Lost:       what happened until %s, on some host\n", lost_until);
}

static void print_text(const struct verification *verification)
{
    const struct log_counts counts = log_check_counts(verification->check);
    char log[2 * COMMAND_ID_SIZE + 1];

    hex_write(verification->info.log.bytes, COMMAND_ID_SIZE, log);
    printf("Log:        %s, epoch %llu\n", log, (unsigned long long)verification->info.epoch);
    printf("Records:    %llu, from position %llu to %llu\n", (unsigned long long)counts.records,
           (unsigned long long)verification->info.floor + 1,
           (unsigned long long)log_check_pos(verification->check));
    printf("Streams:    %llu\n", (unsigned long long)counts.streams);
    printf("Journals:   %llu\n", (unsigned long long)counts.journals);
    printf("Commands:   %llu, and %llu outcomes\n", (unsigned long long)counts.commands,
           (unsigned long long)counts.outcomes);
    print_recoveries(&counts);
    if (counts.unfollowed > 0)
        printf("Unfollowed: %llu records that the view could make nothing of\n",
               (unsigned long long)counts.unfollowed);
    if (verification->is_rebuilt)
        printf("View:       %016llx at position %llu, folded again\n",
               (unsigned long long)verification->hash,
               (unsigned long long)verification->broker.pos);
    print_faults(verification->check);
}

static int show(const struct verification *verification, const char *format, struct error *err)
{
    autotree *tree = report(verification);

    if (format == NULL) {
        print_text(verification);
        return 0;
    }
    if (!show_is_json(format))
        return show_template(format, tree, &verification->console->arena, err);
    show_json(tree);
    return 0;
}

static int verify(struct verification *verification, const struct verify_options *options,
                  struct error *err)
{
    int r = read_log(verification, err);

    if (r == 0 && options->rebuild)
        r = rebuild(verification, err);
    if (r < 0)
        return r;
    if (log_check_counts(verification->check).faults > 0)
        verification->console->exit_code = EXIT_FAULTS;
    return show(verification, options->format, err);
}

int log_verify(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err)
{
    struct verify_options options = { 0 };
    struct verification verification = { .console = console };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = verify(&verification, &options, err);
    log_check_destroy(verification.check);
    return r;
}
