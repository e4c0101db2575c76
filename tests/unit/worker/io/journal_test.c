/* The worker's journal: what is written in a turn is there after a restart, all of it or nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/journal.h"

#define BOOT  "2f0a-boot"
#define EVENT "an event that somebody damages"
#define ID_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct place {
    char root[64];
    char *directory;
};

static int set_up(void **state)
{
    struct place *place = mem_new(struct place);

    (void)snprintf(place->root, sizeof(place->root), "/tmp/gantry-journal-XXXXXX");
    if (mkdtemp(place->root) == NULL)
        return -1;
    place->directory = mem_text("%s/journal", place->root);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    (void)files_remove_tree(AT_FDCWD, place->root, NULL);
    free(place->directory);
    free(place);
    return 0;
}

static struct journal *opened(const struct place *place, const char *boot_id)
{
    struct journal *journal = NULL;
    struct error err = { 0 };

    if (journal_open(place->directory, "host-a", boot_id, &journal, &err) < 0)
        fail_msg("%s", err.text);
    return journal;
}

static int try_write(struct journal *journal, const struct journal_change *changes, size_t count)
{
    struct journal_write write = { .changes = changes, .count = count };
    int r;

    journal_prepare(journal, &write);
    r = journal_write(journal, &write, NULL);
    if (r == 0)
        journal_written(journal, &write);
    return r;
}

static void write_events(struct journal *journal, unsigned count, const char *text)
{
    struct journal_change *changes = mem_zeroed(count * sizeof(*changes));

    for (unsigned i = 0; i < count; i++) {
        changes[i] = (struct journal_change){ .kind = JOURNAL_PUT_EVENT,
                                              .number = journal_state(journal)->last_seq + 1 + i,
                                              .value = bytes_of_text(text) };
    }
    assert_int_equal(try_write(journal, changes, count), 0);
    free(changes);
}

static size_t readable(struct journal *journal, uint64_t after)
{
    autoarena arena = { 0 };
    struct raw_list list = { 0 };

    assert_int_equal(journal_read(journal, &(struct journal_range){ after, SIZE_MAX / 2, 5000 },
                                  &list, &arena, NULL),
                     0);
    return list.count;
}

static bool knows(const struct journal *journal, uint64_t session)
{
    const struct sessions_text *before = &journal_state(journal)->before;
    struct sessions sessions;

    sessions_read(bytes_at(before->bytes, before->size), &sessions);
    for (size_t i = 0; i < SESSIONS_RECENT_MAX; i++) {
        if (sessions.recent[i] == session)
            return true;
    }
    return sessions.welcomed == session;
}

static void each_start_has_a_session_and_knows_those_before(void **state)
{
    const struct place *place = *state;
    autodestroy(journal) struct journal *first = opened(place, BOOT);
    autodestroy(journal) struct journal *last = NULL;
    uint64_t welcomed = journal_state(first)->session;

    assert_false(journal_wants_write(first));
    journal_welcomed(first);
    assert_true(journal_wants_write(first)); /* without it a crash loop might forget it */
    assert_int_equal(try_write(first, NULL, 0), 0);
    assert_false(journal_wants_write(first));
    journal_welcomed(first);
    assert_false(journal_wants_write(first));
    journal_close(steal_ptr(first));
    for (unsigned start = 0; start < SESSIONS_RECENT_MAX + 5; start++) {
        autodestroy(journal) struct journal *again = opened(place, BOOT);

        assert_true(knows(again, welcomed));
        assert_int_not_equal(journal_state(again)->session, welcomed);
    }
    last = opened(place, BOOT);
    assert_true(knows(last, welcomed));
    assert_false(knows(last, journal_state(last)->session));
}

static void each_start_is_a_new_incarnation_of_the_same_journal(void **state)
{
    const struct place *place = *state;
    autodestroy(journal) struct journal *first = opened(place, BOOT);
    struct command_id id = journal_state(first)->id;
    autodestroy(journal) struct journal *second = NULL;

    assert_int_equal(journal_state(first)->incarnation, 1);
    assert_false(journal_state(first)->is_rebooted);
    journal_close(steal_ptr(first));
    second = opened(place, BOOT);
    assert_int_equal(journal_state(second)->incarnation, 2);
    assert_true(command_id_equal(journal_state(second)->id, id));
    assert_false(journal_state(second)->is_rebooted);
}

static bool is_rebooted(const struct place *place, const char *boot_id)
{
    autodestroy(journal) struct journal *journal = opened(place, boot_id);

    return journal_state(journal)->is_rebooted;
}

/* A worker that is killed before it has said what the restart ended leaves it to the next one. */
static void another_boot_id_is_a_reboot_until_the_first_write(void **state)
{
    const struct place *place = *state;

    assert_false(is_rebooted(place, BOOT));
    assert_true(is_rebooted(place, "another-boot"));
    {
        autodestroy(journal) struct journal *journal = opened(place, "another-boot");
        struct journal_write write = { 0 };

        assert_true(journal_state(journal)->is_rebooted);
        assert_true(journal_wants_write(journal));
        journal_prepare(journal, &write);
        assert_int_equal(journal_write(journal, &write, NULL), 0);
        journal_written(journal, &write);
        assert_false(journal_wants_write(journal));
    }
    assert_false(is_rebooted(place, "another-boot"));
}

static void a_journal_of_another_host_is_refused(void **state)
{
    const struct place *place = *state;
    struct journal *journal = NULL;
    struct error err = { 0 };

    journal_close(opened(place, BOOT));
    assert_int_equal(journal_open(place->directory, "host-b", BOOT, &journal, &err), -EINVAL);
    assert_non_null(strstr(err.text, "host-a"));
    assert_null(journal);
}

static int count_value(void *owner, struct bytes value, struct error *err)
{
    char *texts = owner;

    (void)err;
    (void)snprintf(texts + strlen(texts), 64, "%.*s,", (int)value.size, (const char *)value.data);
    return 0;
}

static void check_table(struct journal *journal, enum journal_table table, const char *expected)
{
    char texts[256] = "";

    assert_int_equal(journal_load(journal, table, count_value, texts, NULL), 0);
    assert_string_equal(texts, expected);
}

static void a_turn_is_there_after_a_restart(void **state)
{
    const struct place *place = *state;
    const struct journal_change changes[] = {
        { .kind = JOURNAL_PUT_EVENT, .number = 1, .value = bytes_of_text("created") },
        { .kind = JOURNAL_PUT_CONTAINER, .id = ID_B, .value = bytes_of_text("row b") },
        { .kind = JOURNAL_PUT_CONTAINER, .id = ID_A, .value = bytes_of_text("row a") },
        { .kind = JOURNAL_PUT_UNIT, .id = ID_A, .value = bytes_of_text("unit a") },
        { .kind = JOURNAL_PUT_COMMAND, .number = 300, .value = bytes_of_text("later") },
        { .kind = JOURNAL_PUT_COMMAND, .number = 20, .value = bytes_of_text("sooner") },
        { .kind = JOURNAL_SET_CURSOR, .number = 300 },
    };
    const struct journal_change removals[] = {
        { .kind = JOURNAL_REMOVE_CONTAINER, .id = ID_B },
        { .kind = JOURNAL_REMOVE_UNIT, .id = ID_B },
        { .kind = JOURNAL_REMOVE_COMMAND, .number = 20 },
    };

    {
        autodestroy(journal) struct journal *journal = opened(place, BOOT);

        assert_int_equal(try_write(journal, changes, sizeof(changes) / sizeof(*changes)), 0);
    }
    {
        autodestroy(journal) struct journal *journal = opened(place, BOOT);

        assert_int_equal(journal_state(journal)->last_seq, 1);
        assert_int_equal(journal_state(journal)->cursor, 300);
        check_table(journal, JOURNAL_CONTAINERS, "row a,row b,");
        check_table(journal, JOURNAL_UNITS, "unit a,");
        check_table(journal, JOURNAL_COMMANDS, "sooner,later,");
        assert_int_equal(try_write(journal, removals, sizeof(removals) / sizeof(*removals)), 0);
        check_table(journal, JOURNAL_CONTAINERS, "row a,");
        check_table(journal, JOURNAL_COMMANDS, "later,");
    }
}

static void a_turn_that_fails_leaves_nothing_behind(void **state)
{
    char long_id[600];
    const struct place *place = *state;
    autodestroy(journal) struct journal *journal = opened(place, BOOT);
    const struct journal_change changes[] = {
        { .kind = JOURNAL_PUT_EVENT, .number = 1, .value = bytes_of_text("lost") },
        { .kind = JOURNAL_PUT_CONTAINER, .id = long_id, .value = bytes_of_text("no such key") },
    };

    memset(long_id, 'x', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    assert_true(try_write(journal, changes, 2) < 0);
    assert_int_equal(journal_state(journal)->last_seq, 0);
    assert_int_equal(readable(journal, 0), 0);
    write_events(journal, 1, "kept");
    assert_int_equal(readable(journal, 0), 1);
}

static void events_are_read_in_order_and_in_bounds(void **state)
{
    const struct place *place = *state;
    autodestroy(journal) struct journal *journal = opened(place, BOOT);
    autoarena arena = { 0 };
    struct raw_list list = { 0 };

    write_events(journal, 10, "0123456789");
    assert_int_equal(
        journal_read(journal, &(struct journal_range){ 0, SIZE_MAX / 2, 3 }, &list, &arena, NULL),
        0);
    assert_int_equal(list.count, 3);
    assert_true(bytes_equal(list.items[2].bytes, bytes_of_text("0123456789")));
    assert_int_equal(
        journal_read(journal, &(struct journal_range){ 4, 1, 100 }, &list, &arena, NULL), 0);
    assert_int_equal(list.count, 1); /* one, however small the room */
    assert_int_equal(
        journal_read(journal, &(struct journal_range){ 10, 1, 100 }, &list, &arena, NULL), 0);
    assert_int_equal(list.count, 0);
}

static void acknowledged_events_go_with_later_writes(void **state)
{
    static const struct journal_limits none_kept = { .events_max = 9000, .bytes_max = 1 << 30 };
    const struct place *place = *state;
    autodestroy(journal) struct journal *journal = opened(place, BOOT);

    journal_set_limits(journal, &none_kept);
    write_events(journal, 3000, "event");
    journal_acked(journal, 2500);
    assert_true(journal_wants_write(journal));
    assert_int_equal(try_write(journal, NULL, 0), 0);
    assert_int_equal(journal_state(journal)->first_seq, 2001);
    assert_int_equal(try_write(journal, NULL, 0), 0);
    assert_int_equal(journal_state(journal)->first_seq, 2501);
    assert_false(journal_wants_write(journal));
    assert_int_equal(readable(journal, 0), 500);
    journal_close(steal_ptr(journal));
    journal = opened(place, BOOT);
    assert_int_equal(journal_state(journal)->acked_seq, 2500);
    assert_int_equal(journal_state(journal)->first_seq, 2501);
    assert_int_equal(journal_state(journal)->last_seq, 3000);
}

static void a_journal_whose_events_are_all_gone_goes_on_counting(void **state)
{
    const struct place *place = *state;
    autodestroy(journal) struct journal *journal = opened(place, BOOT);

    write_events(journal, 5, "event");
    journal_acked(journal, 5);
    assert_int_equal(try_write(journal, NULL, 0), 0);
    journal_close(steal_ptr(journal));
    journal = opened(place, BOOT);
    assert_int_equal(journal_state(journal)->last_seq, 5);
    assert_int_equal(journal_state(journal)->first_seq, 6);
    write_events(journal, 1, "sixth");
    assert_int_equal(readable(journal, 5), 1);
}

static void the_log_that_it_reports_to_is_kept(void **state)
{
    const struct place *place = *state;
    autodestroy(journal) struct journal *journal = opened(place, BOOT);
    struct command_id log = command_id_make(7, 8);

    journal_set_log(journal, log, 3);
    assert_true(journal_wants_write(journal));
    assert_int_equal(try_write(journal, NULL, 0), 0);
    assert_false(journal_wants_write(journal));
    journal_close(steal_ptr(journal));
    journal = opened(place, BOOT);
    assert_true(command_id_equal(journal_state(journal)->log, log));
    assert_int_equal(journal_state(journal)->epoch, 3);
}

/* Turn one bit of the file over, in the text of an event. */
static void damage(const struct place *place)
{
    autofree char *path = mem_text("%s/data.mdb", place->directory);
    autofree char *content = NULL;
    size_t size = 0;
    char *found;

    assert_int_equal(files_read(AT_FDCWD, path, 64 << 20, &content, &size, NULL), 0);
    found = memmem(content, size, EVENT, strlen(EVENT));
    assert_non_null(found);
    for (; found != NULL;
         found = memmem(found, size - (size_t)(found - content), EVENT, strlen(EVENT)))
        found[3] ^= 1;
    assert_int_equal(files_replace(AT_FDCWD, path,
                                   (struct bytes){ .data = (uint8_t *)content, .size = size }, 0600,
                                   0, NULL),
                     0);
}

static void a_flipped_bit_is_found_and_named(void **state)
{
    const struct place *place = *state;
    autodestroy(journal) struct journal *journal = opened(place, BOOT);
    autoarena arena = { 0 };
    struct raw_list list = { 0 };
    struct error err = { 0 };

    write_events(journal, 1, EVENT);
    journal_close(steal_ptr(journal));
    damage(place);
    journal = opened(place, BOOT);
    assert_int_equal(
        journal_read(journal, &(struct journal_range){ 0, 1000, 10 }, &list, &arena, &err),
        -EUCLEAN);
    assert_non_null(strstr(err.text, "event 1"));
}

int main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PLACE(each_start_is_a_new_incarnation_of_the_same_journal),
        WITH_PLACE(each_start_has_a_session_and_knows_those_before),
        WITH_PLACE(another_boot_id_is_a_reboot_until_the_first_write),
        WITH_PLACE(a_journal_of_another_host_is_refused),
        WITH_PLACE(a_turn_is_there_after_a_restart),
        WITH_PLACE(a_turn_that_fails_leaves_nothing_behind),
        WITH_PLACE(events_are_read_in_order_and_in_bounds),
        WITH_PLACE(acknowledged_events_go_with_later_writes),
        WITH_PLACE(a_journal_whose_events_are_all_gone_goes_on_counting),
        WITH_PLACE(the_log_that_it_reports_to_is_kept),
        WITH_PLACE(a_flipped_bit_is_found_and_named),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
