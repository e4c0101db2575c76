/*
 * The worker's talk with the broker: hello, then two loops beside each other. Polls bring the
 * commands of this host, one page at a time; the next poll goes out when everything of the page
 * before is durable here, because its cursor is the acknowledgement. Reports take the journal's
 * events to the log in order, one report in flight.
 *
 * What cannot be mended by trying again (a log or a journal that went back) is never papered over:
 * the link stops and says why, and the worker goes on without it. Owner: the worker. Loop thread.
 */
#ifndef GANTRY_WORKER_LINK_H
#define GANTRY_WORKER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/io/bus.h"
#include "schemas/events.h"
#include "schemas/record.h"
#include "worker/io/journal.h"

struct event_base;
struct link;

struct link_events {
    /* A page of commands comes, of which this is one: each is told of before the first of them is
     * given to on_command. Borrowed for the call. */
    void (*on_coming)(void *owner, const struct record *record);
    /* A command, in the order of the log; borrowed for the call. */
    void (*on_command)(void *owner, const struct record *record);
    /* The page that brought commands is through: make them durable. */
    void (*on_page_end)(void *owner);
    /* A newer worker speaks for this host. */
    void (*on_fenced)(void *owner);
    /* The broker has taken more of the journal. */
    void (*on_acked)(void *owner);
    /* The broker knows this worker (again). */
    void (*on_up)(void *owner);
};

/* All borrowed. The bus is closed before the link is destroyed. */
struct link_options {
    struct event_base *loop;
    struct bus *bus;
    const char *host;
    struct journal *journal;
    const struct link_events *events;
    void *owner;
};

int link_new(const struct link_options *options, struct link **ret, struct error *err);
void link_destroy(struct link *link);
DEFINE_AUTODESTROY(link)

/* Begin, or greet the broker again if these facts are others; they are copied. */
void link_set_facts(struct link *link, const struct host_facts *facts);

/* The journal has become longer. */
void link_durable(struct link *link);

#endif
