/* The tables of states against BEHAVIOUR.md section 2, written out once more by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/container_state.h"
#include "schemas/registry.h"

#define NO CONTAINER_STATE_COUNT

/* clang-format off */
#define CONF CONTAINER_CONFIGURED
#define CREA CONTAINER_CREATED
#define RUN  CONTAINER_RUNNING
#define STOP CONTAINER_STOPPED
#define PAU  CONTAINER_PAUSED
#define EXIT CONTAINER_EXITED
#define REM  CONTAINER_REMOVING
#define SING CONTAINER_STOPPING

static const struct event_row {
    enum container_event event;
    enum container_state after[CONTAINER_STATE_COUNT];
} event_rows[] = {
    /*                               unk   conf  crea  run   stop  pau   exit  rem   stopping */
    { CONTAINER_EVENT_CREATED,     { CONF, NO,   NO,   NO,   NO,   NO,   NO,   NO,   NO   } },
    { CONTAINER_EVENT_INITIALIZED, { NO,   CREA, NO,   NO,   NO,   NO,   CREA, NO,   NO   } },
    { CONTAINER_EVENT_INIT_FAILED, { NO,   CONF, NO,   NO,   STOP, NO,   EXIT, NO,   NO   } },
    { CONTAINER_EVENT_STARTED,     { NO,   NO,   RUN,  NO,   NO,   NO,   NO,   NO,   NO   } },
    { CONTAINER_EVENT_STOPPING,    { NO,   NO,   SING, SING, NO,   SING, NO,   NO,   SING } },
    { CONTAINER_EVENT_SIGNALLED,   { NO,   NO,   NO,   RUN,  NO,   PAU,  NO,   NO,   SING } },
    { CONTAINER_EVENT_DIED,        { NO,   NO,   STOP, STOP, NO,   STOP, NO,   REM,  STOP } },
    { CONTAINER_EVENT_CLEANED,     { NO,   CONF, CONF, NO,   EXIT, NO,   EXIT, REM,  EXIT } },
    { CONTAINER_EVENT_PAUSED,      { NO,   NO,   NO,   PAU,  NO,   NO,   NO,   NO,   NO   } },
    { CONTAINER_EVENT_UNPAUSED,    { NO,   NO,   NO,   NO,   NO,   RUN,  NO,   NO,   NO   } },
    { CONTAINER_EVENT_RESTARTING,  { NO,   NO,   NO,   NO,   STOP, NO,   EXIT, NO,   NO   } },
    { CONTAINER_EVENT_REMOVING,    { NO,   REM,  REM,  NO,   REM,  NO,   REM,  REM,  NO   } },
    { CONTAINER_EVENT_REMOVED,     { NO,   NO,   NO,   NO,   NO,   NO,   NO,   REM,  NO   } },
    { CONTAINER_EVENT_RENAMED,     { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, NO,   SING } },
    { CONTAINER_EVENT_UPDATED,     { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, NO,   SING } },
};

#define OK FAILURE_NONE
#define E  FAILURE_STATE_IMPROPER
#define ES FAILURE_ALREADY_STOPPED
#define EX FAILURE_CONTAINER_EXISTS

static const struct operation_row {
    enum container_operation operation;
    enum failure failure[CONTAINER_STATE_COUNT];
} operation_rows[] = {
    /*                                    unk conf crea run stop pau exit rem stopping */
    { CONTAINER_OPERATION_CREATE,       { OK, EX,  EX,  EX, EX,  EX, EX,  EX, EX } },
    { CONTAINER_OPERATION_INIT,         { E,  OK,  E,   E,  OK,  E,  OK,  E,  E  } },
    { CONTAINER_OPERATION_START,        { E,  OK,  OK,  E,  OK,  E,  OK,  E,  E  } },
    { CONTAINER_OPERATION_STOP,         { E,  E,   OK,  OK, ES,  E,  ES,  E,  OK } },
    { CONTAINER_OPERATION_RESTART,      { E,  OK,  OK,  OK, OK,  E,  OK,  E,  E  } },
    { CONTAINER_OPERATION_KILL,         { E,  E,   E,   OK, E,   OK, E,   E,  OK } },
    { CONTAINER_OPERATION_PAUSE,        { E,  E,   E,   OK, E,   E,  E,   E,  E  } },
    { CONTAINER_OPERATION_UNPAUSE,      { E,  E,   E,   E,  E,   OK, E,   E,  E  } },
    { CONTAINER_OPERATION_CLEANUP,      { E,  OK,  OK,  E,  OK,  E,  OK,  E,  OK } },
    { CONTAINER_OPERATION_REMOVE,       { E,  OK,  OK,  E,  OK,  E,  OK,  OK, E  } },
    { CONTAINER_OPERATION_FORCE_REMOVE, { OK, OK,  OK,  OK, OK,  OK, OK,  OK, OK } },
    { CONTAINER_OPERATION_RENAME,       { E,  OK,  OK,  OK, OK,  OK, OK,  E,  OK } },
    { CONTAINER_OPERATION_UPDATE,       { E,  OK,  OK,  OK, OK,  OK, OK,  E,  OK } },
    { CONTAINER_OPERATION_COMMIT,       { E,  OK,  OK,  OK, OK,  OK, OK,  E,  OK } },
    { CONTAINER_OPERATION_COPY,         { E,  OK,  OK,  OK, OK,  OK, OK,  E,  OK } },
    { CONTAINER_OPERATION_MOUNT,        { E,  OK,  OK,  OK, OK,  OK, OK,  E,  OK } },
    { CONTAINER_OPERATION_UNMOUNT,      { E,  OK,  OK,  OK, OK,  OK, OK,  E,  OK } },
};
/* clang-format on */

static void every_event_leads_where_it_should(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < CONTAINER_EVENT_COUNT - 1; i++) {
        const struct event_row *row = &event_rows[i];

        assert_int_equal(row->event, i + 1);
        for (unsigned state = 0; state < CONTAINER_STATE_COUNT; state++) {
            enum container_state after =
                container_state_after((enum container_state)state, row->event);

            if (after != row->after[state])
                fail_msg("%s while %s: %s", container_event_type(row->event),
                         container_state_name((enum container_state)state),
                         container_state_name(after));
        }
    }
}

static void every_operation_is_allowed_where_it_should_be(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < CONTAINER_OPERATION_COUNT - 1; i++) {
        const struct operation_row *row = &operation_rows[i];

        assert_int_equal(row->operation, i + 1);
        for (unsigned state = 0; state < CONTAINER_STATE_COUNT; state++) {
            enum failure failure =
                container_operation_allowed(row->operation, (enum container_state)state);

            if (failure != row->failure[state])
                fail_msg("%s while %s: %s", container_operation_name(row->operation),
                         container_state_name((enum container_state)state), failure_name(failure));
        }
    }
}

static void nothing_leads_back_to_unknown(void **unused)
{
    (void)unused;
    for (unsigned state = 0; state < CONTAINER_STATE_COUNT; state++) {
        for (unsigned event = 0; event < CONTAINER_EVENT_COUNT; event++)
            assert_int_not_equal(
                container_state_after((enum container_state)state, (enum container_event)event),
                CONTAINER_UNKNOWN);
    }
}

/* A reboot says died (unknown) of what ran and cleaned of what was there: nothing stays up. */
static void a_reboot_leaves_no_state_that_needs_a_process(void **unused)
{
    static const enum container_state up[] = { CREA, RUN, PAU, SING };

    (void)unused;
    for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++) {
        enum container_state died = container_state_after(up[i], CONTAINER_EVENT_DIED);

        assert_int_equal(died, CONTAINER_STOPPED);
        assert_int_equal(container_state_after(died, CONTAINER_EVENT_CLEANED), CONTAINER_EXITED);
    }
    assert_int_equal(container_state_after(CREA, CONTAINER_EVENT_CLEANED), CONTAINER_CONFIGURED);
}

static void states_have_the_names_of_the_original(void **unused)
{
    static const char *const names[] = { "unknown", "configured", "created",  "running", "stopped",
                                         "paused",  "exited",     "removing", "stopping" };
    enum container_state state = CONTAINER_RUNNING;

    (void)unused;
    for (unsigned i = 0; i < CONTAINER_STATE_COUNT; i++) {
        assert_string_equal(container_state_name((enum container_state)i), names[i]);
        assert_true(container_state_parse(names[i], &state));
        assert_int_equal(state, i);
    }
    assert_string_equal(container_state_name(CONTAINER_STATE_COUNT), "bad state");
    assert_false(container_state_parse("bad state", &state));
    assert_false(container_state_parse("", &state));
    assert_int_equal(state, CONTAINER_STOPPING);
}

/* The protocol's container events and commands are these tables' rows, and no others. */
static void the_registry_has_the_same_events_and_operations(void **unused)
{
    unsigned events = 0;
    unsigned operations = 0;

    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        const char *name = registry[i].schema->name;

        if (strncmp(name, "container.", 10) != 0 || strcmp(name, "container.recovered") == 0 ||
            strcmp(name, "container.lost") == 0)
            continue; /* what it is now, or that it is not known any more: no change of state */
        if (registry[i].use == MESSAGE_EVENT) {
            events++;
            assert_string_equal(container_event_type(container_event_of(name)), name);
            assert_int_not_equal(container_event_of(name), CONTAINER_EVENT_NONE);
        }
        if (registry[i].use == MESSAGE_COMMAND) {
            operations++;
            assert_int_not_equal(container_operation_of(name), CONTAINER_OPERATION_NONE);
            assert_string_equal(container_operation_name(container_operation_of(name)), name + 10);
        }
    }
    assert_int_equal(events, CONTAINER_EVENT_COUNT - 1);
    assert_int_equal(operations, CONTAINER_OPERATION_COUNT - 2); /* two removes, one command */
    assert_int_equal(container_event_of("none"), CONTAINER_EVENT_NONE);
    assert_int_equal(container_operation_of("container.none"), CONTAINER_OPERATION_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_leads_where_it_should),
        cmocka_unit_test(every_operation_is_allowed_where_it_should_be),
        cmocka_unit_test(nothing_leads_back_to_unknown),
        cmocka_unit_test(a_reboot_leaves_no_state_that_needs_a_process),
        cmocka_unit_test(states_have_the_names_of_the_original),
        cmocka_unit_test(the_registry_has_the_same_events_and_operations),
    };
    return cmocka_run_group_tests_name("container_state", tests, NULL, NULL);
}
