/*
 * The fleet as it was: a view in memory, which begins with the broker's newest snapshot before the
 * moment, or with nothing, and into which the log is folded from there, record by record. Only the
 * view is kept; the log itself streams by.
 *
 * What is folded is what the broker folds, by the same function: a moment past looks as it did to
 * whoever asked the broker then.
 */
#ifndef GANTRY_OPS_CONSOLE_PAST_H
#define GANTRY_OPS_CONSOLE_PAST_H

#include "common/auto.h"
#include "common/fleet/fleet.h"
#include "ops/console/console.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/moment.h"

struct past;

/* Before the first record, with nothing asked yet. `host`, unless NULL: of this host only, and the
 * view holds no other. */
struct past *past_new(struct console *console, const char *host);
/* The same for who wants to know of one container only: others need not be in the view. Once. */
struct past *past_new_of(struct console *console, const char *container);
void past_destroy(struct past *past);
DEFINE_AUTODESTROY(past)

/*
 * Go on to a moment, which is not before the one reached: at most to where the log ends when this
 * is called. `moment` NULL: to that end. -ERANGE for a position beyond it, -ENODATA when neither
 * the beginning of the log is kept nor a snapshot so early.
 */
int past_fold(struct past *past, const struct moment *moment, struct error *err);

/* The last record that the view holds; 0 before the first. */
uint64_t past_pos(const struct past *past);
uint64_t past_time_ns(const struct past *past);

/* Lives as long as `past`. */
const struct view *past_view(const struct past *past);

/* The rows as they are now, in the console's arena, in order of their keys. */
int past_containers(const struct past *past, struct container_rows *ret, struct error *err);
int past_hosts(const struct past *past, struct host_rows *ret, struct error *err);

#endif
