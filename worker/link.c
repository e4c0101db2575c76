/* The worker's talk with the broker; see the header. */
#include "worker/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock_step.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/io/notify.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "worker/asking.h"
#include "worker/estrangement.h"
#include "worker/io/kill_point.h"
#include "worker/page_commands.h"
#include "worker/telling.h"

/* Room for the envelope around a report's records, and how many records it has at most. */
#define ENVELOPE_BYTES     4096
#define REPORT_RECORDS_MAX 1000
#define RETRY_DAMAGED_MS   5000

enum link_state {
    LINK_OFF,
    LINK_GREETING,
    LINK_TELLING, /* the broker's log lacks what this worker knows: it is told first */
    LINK_UP,
    LINK_STOPPED,
};

struct link {
    char *host;
    struct journal *journal;
    const struct link_events *events;
    void *owner;
    enum link_state state;
    struct asking hello;
    struct asking poll;
    struct asking report;
    struct asking recover;
    struct telling telling;
    struct host_facts facts;
    struct arena facts_arena;
    uint64_t polled_to; /* position of the last command that came */
    struct clock_step clock;
    uint64_t report_after; /* the last event that the broker is known to have */
};

static const struct journal_state *state_of(const struct link *link)
{
    return journal_state(link->journal);
}

static void tell_stop(struct link *link, const char *why)
{
    autofree char *status = mem_text("STATUS=cut off from the broker: %s", why);

    log_error("link.stopped", "host=%s reason=\"%s\"", link->host, why);
    notify_send(status);
    link->state = LINK_STOPPED;
}

/* No further try can mend it. */
static void stop(struct link *link, const char *why)
{
    tell_stop(link, why);
    asking_cancel(&link->hello);
    asking_cancel(&link->poll);
    asking_cancel(&link->report);
    asking_cancel(&link->recover);
    telling_end(&link->telling);
}

static void ask_hello(void *owner)
{
    struct link *link = owner;
    const struct journal_state *state = state_of(link);
    struct hello hello = { .host = link->host,
                           .incarnation = state->incarnation,
                           .journal = state->id,
                           .facts = &link->facts,
                           .log = state->log,
                           .acked = state->acked_seq,
                           .cursor = state->cursor,
                           .first = state->first_seq,
                           .last = state->last_seq,
                           .lost_until = state->lost_until,
                           .session = state->session,
                           .before = bytes_at(state->before.bytes, state->before.size) };

    asking_ask(&link->hello, &hello_schema, &hello);
}

static void greet(struct link *link)
{
    asking_cancel(&link->hello);
    asking_cancel(&link->poll);
    asking_cancel(&link->report);
    asking_cancel(&link->recover);
    telling_end(&link->telling);
    link->state = LINK_GREETING;
    ask_hello(link);
}

/* What ends more than the question. */
static bool on_refusal(void *owner, enum failure failure, const char *text)
{
    struct link *link = owner;

    bool is_unknown = failure == FAILURE_NO_HOST || failure == FAILURE_HOST_LOST;

    if (is_unknown && (link->state == LINK_UP || link->state == LINK_TELLING)) {
        greet(link);
        return true;
    }
    if (failure != FAILURE_FENCED)
        return false;
    tell_stop(link, text);
    link->events->on_fenced(link->owner); /* closes the bus, and with it this */
    return true;
}

static void tell_up(const struct link *link, uint64_t acked)
{
    log_info("link.up", "host=%s incarnation=%llu journal_seq=%llu acked=%llu", link->host,
             (unsigned long long)state_of(link)->incarnation,
             (unsigned long long)state_of(link)->last_seq, (unsigned long long)acked);
}

static void ask_both(struct link *link);

/* The broker's log lacks what is known here: first the events that are still kept, then what the
 * containers are and which commands are open, all as of now; then on as always. */
static void begin_telling(struct link *link, const struct welcome *welcome)
{
    uint64_t from = welcome->journal_seq;
    struct error err = { 0 };

    if (from + 1 < state_of(link)->first_seq || from > state_of(link)->last_seq) {
        stop(link, "the broker asks for events that are not kept here, to make its log anew");
        return;
    }
    if (telling_begin(&link->telling, link->journal, welcome->recovery, &err) < 0) {
        stop(link, err.text);
        return;
    }
    log_warning("link.telling", "host=%s from_seq=%llu upto_seq=%llu items=%llu", link->host,
                (unsigned long long)from + 1, (unsigned long long)link->telling.upto,
                (unsigned long long)telling_total(&link->telling));
    kill_point("telling", "begin", NULL);
    journal_begin_log(link->journal, welcome->log, welcome->epoch, from);
    link->report_after = from;
    link->state = LINK_TELLING;
    ask_both(link);
    link->events->on_up(link->owner); /* lets the journal write down which log it is */
}

static void on_welcome(void *owner, const void *message)
{
    struct link *link = owner;
    const struct welcome *welcome = message;
    autofree char *estranged = NULL;

    journal_welcomed(link->journal);
    if (welcome->recovery != 0) {
        begin_telling(link, welcome);
        return;
    }
    estranged = estrangement_find(link->host, state_of(link), welcome);
    if (estranged != NULL) {
        stop(link, estranged);
        return;
    }
    tell_up(link, welcome->journal_seq);
    journal_set_log(link->journal, welcome->log, welcome->epoch);
    journal_acked(link->journal, welcome->journal_seq);
    link->events->on_acked(link->owner);
    link->report_after = welcome->journal_seq;
    link->state = LINK_UP;
    ask_both(link);
    link->events->on_up(link->owner);
}

/* --- poll */

/* Nothing here depends on the wall clock but what events say; the operator has to know. */
static uint64_t look_at_clock(struct link *link)
{
    uint64_t now_ns = clock_wall_ns();
    int64_t by_ms;

    if (clock_step_look(&link->clock, now_ns, clock_steady_ms(), &by_ms))
        log_warning("clock.stepped", "by_ms=%lld", (long long)by_ms);
    return now_ns;
}

static void ask_poll(void *owner)
{
    struct link *link = owner;
    struct poll poll = { .host = link->host,
                         .incarnation = state_of(link)->incarnation,
                         .journal = state_of(link)->id,
                         .cursor = state_of(link)->cursor,
                         .wait_ms = POLL_WAIT_MS,
                         .session = state_of(link)->session,
                         .now = look_at_clock(link) };

    if (link->state == LINK_UP)
        asking_ask(&link->poll, &poll_schema, &poll);
}

static bool is_new(const struct link *link, const struct record *record)
{
    return record->kind == RECORD_COMMAND && record->pos > link->polled_to;
}

static bool take_commands(struct link *link, const struct page *page)
{
    autoarena arena = { 0 };
    struct page_commands commands = { 0 };
    bool is_whole = page_commands_read(page, &commands, &arena);

    for (size_t i = 0; i < commands.count; i++) {
        if (is_new(link, &commands.records[i]))
            link->events->on_coming(link->owner, &commands.records[i]);
    }
    for (size_t i = 0; i < commands.count; i++) {
        if (!is_new(link, &commands.records[i]))
            continue;
        link->polled_to = commands.records[i].pos;
        link->events->on_command(link->owner, &commands.records[i]);
    }
    return is_whole;
}

static void on_page(void *owner, const void *message)
{
    struct link *link = owner;
    const struct page *page = message;
    bool is_whole;

    if (!command_id_equal(page->log, state_of(link)->log)) {
        stop(link, "the broker has changed its log under way: restart the worker when it has its "
                   "own log again");
        return;
    }
    is_whole = take_commands(link, page);
    link->events->on_page_end(link->owner);
    if (!is_whole)
        asking_later(&link->poll, RETRY_DAMAGED_MS);
    else
        ask_both(link);
}

/* --- report */

/* How far may be reported now: what comes behind the snapshot goes behind it. */
static uint64_t report_limit(const struct link *link)
{
    uint64_t last = state_of(link)->last_seq;

    return link->state == LINK_TELLING && link->telling.upto < last ? link->telling.upto : last;
}

static void ask_report(void *owner)
{
    struct link *link = owner;
    autoarena arena = { 0 };
    struct journal_range range = { .after = link->report_after,
                                   .bytes_max = REPORT_BYTES_MAX - ENVELOPE_BYTES,
                                   .count_max = REPORT_RECORDS_MAX };
    uint64_t limit = report_limit(link);
    struct report report = { .host = link->host,
                             .incarnation = state_of(link)->incarnation,
                             .journal = state_of(link)->id,
                             .session = state_of(link)->session };
    struct error err = { 0 };

    if ((link->state != LINK_UP && link->state != LINK_TELLING) || limit <= link->report_after)
        return;
    if (limit - link->report_after < range.count_max)
        range.count_max = (size_t)(limit - link->report_after);
    if (journal_read(link->journal, &range, &report.records, &arena, &err) < 0) {
        stop(link, err.text);
        return;
    }
    asking_ask(&link->report, &report_schema, &report);
}

static void on_ack(void *owner, const void *message)
{
    struct link *link = owner;
    const struct ack *ack = message;

    if (ack->upto > state_of(link)->last_seq) {
        stop(link, "this journal went back: the broker has later events of this host; restore a "
                   "newer copy of the state directory");
        return;
    }
    if (ack->upto > link->report_after)
        link->report_after = ack->upto;
    journal_acked(link->journal, ack->upto);
    link->events->on_acked(link->owner);
    ask_both(link);
}

static bool on_expect(void *owner, const char *type, struct bytes body)
{
    struct link *link = owner;
    autoarena arena = { 0 };
    struct expect expect;

    if (strcmp(type, expect_schema.name) != 0 ||
        schema_decode(&expect_schema, body, &expect, &arena, NULL) < 0)
        return false;
    if (link->state == LINK_TELLING && expect.next < state_of(link)->first_seq) {
        greet(link); /* the journal has let go of some meanwhile */
        return true;
    }
    if (expect.next < state_of(link)->first_seq || expect.next > state_of(link)->last_seq + 1) {
        stop(link, "the broker asks for events that are not kept here: its log or this journal "
                   "went back; restore newer copies");
        return true;
    }
    link->report_after = expect.next - 1;
    ask_both(link);
    return true;
}

/* --- recover */

static void ask_recover(void *owner)
{
    struct link *link = owner;
    struct recover recover = { .host = link->host,
                               .incarnation = state_of(link)->incarnation,
                               .journal = state_of(link)->id,
                               .session = state_of(link)->session };

    /* Once all is told nobody may take this worker for one of another log. */
    if (link->state != LINK_TELLING || link->report_after < link->telling.upto ||
        state_of(link)->is_log_new)
        return;
    telling_page(&link->telling, &recover);
    asking_ask(&link->recover, &recover_schema, &recover);
}

static void on_recovered(void *owner, const void *message)
{
    struct link *link = owner;

    (void)message;
    kill_point("telling", "page", NULL);
    if (telling_went(&link->telling)) {
        log_info("link.told", "host=%s upto_seq=%llu items=%llu", link->host,
                 (unsigned long long)link->telling.upto, (unsigned long long)link->telling.told);
        telling_end(&link->telling);
        link->state = LINK_UP;
        tell_up(link, link->report_after);
    }
    ask_both(link);
}

/* --- both */

static void ask_both(struct link *link)
{
    if (link->state == LINK_TELLING && asking_is_idle(&link->report))
        ask_report(link);
    if (link->state == LINK_TELLING && asking_is_idle(&link->recover))
        ask_recover(link);
    if (link->state != LINK_UP)
        return;
    if (asking_is_idle(&link->poll) && state_of(link)->cursor >= link->polled_to)
        ask_poll(link);
    if (asking_is_idle(&link->report))
        ask_report(link);
}

void link_durable(struct link *link)
{
    ask_both(link);
}

static const struct asking_rules hello_rules = { .name = "hello",
                                                 .expected = &welcome_schema,
                                                 .ask = ask_hello,
                                                 .on_answer = on_welcome,
                                                 .on_refusal = on_refusal };
static const struct asking_rules poll_rules = { .name = "poll",
                                                .expected = &page_schema,
                                                .ask = ask_poll,
                                                .on_answer = on_page,
                                                .on_refusal = on_refusal };
static const struct asking_rules report_rules = { .name = "report",
                                                  .expected = &ack_schema,
                                                  .ask = ask_report,
                                                  .on_answer = on_ack,
                                                  .on_other = on_expect,
                                                  .on_refusal = on_refusal };

static const struct asking_rules recover_rules = { .name = "recover",
                                                   .expected = &done_schema,
                                                   .ask = ask_recover,
                                                   .on_answer = on_recovered,
                                                   .on_refusal = on_refusal };

int link_new(const struct link_options *options, struct link **ret, struct error *err)
{
    autodestroy(link) struct link *link = mem_new(struct link);
    int r;

    link->host = mem_dup_text(options->host);
    link->journal = options->journal;
    link->events = options->events;
    link->owner = options->owner;
    link->polled_to = journal_state(options->journal)->cursor;
    r = asking_init(&link->hello, options->loop, options->bus, &hello_rules, link, err);
    if (r == 0)
        r = asking_init(&link->poll, options->loop, options->bus, &poll_rules, link, err);
    if (r == 0)
        r = asking_init(&link->report, options->loop, options->bus, &report_rules, link, err);
    if (r == 0)
        r = asking_init(&link->recover, options->loop, options->bus, &recover_rules, link, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(link);
    return 0;
}

void link_destroy(struct link *link)
{
    if (link == NULL)
        return;
    asking_done(&link->hello);
    asking_done(&link->poll);
    asking_done(&link->report);
    asking_done(&link->recover);
    telling_end(&link->telling);
    arena_done(&link->facts_arena);
    free(link->host);
    free(link);
}

static bool has_facts(const struct link *link, struct bytes encoded)
{
    struct buffer own = { 0 };
    bool is_equal;

    if (link->state == LINK_OFF)
        return false;
    schema_encode(&host_facts_schema, &link->facts, &own);
    is_equal = bytes_equal(buffer_bytes(&own), encoded);
    buffer_done(&own);
    return is_equal;
}

static void copy_facts(struct link *link, struct bytes encoded)
{
    arena_done(&link->facts_arena);
    if (schema_decode(&host_facts_schema, encoded, &link->facts, &link->facts_arena, NULL) < 0)
        abort(); /* what was just encoded is decodable */
}

void link_set_facts(struct link *link, const struct host_facts *facts)
{
    struct buffer encoded = { 0 };

    schema_encode(&host_facts_schema, facts, &encoded);
    if (link->state != LINK_STOPPED && !has_facts(link, buffer_bytes(&encoded))) {
        copy_facts(link, buffer_bytes(&encoded));
        greet(link);
    }
    buffer_done(&encoded);
}
