/*
 * Who waits for records that pass a filter.
 *
 * Looking for them is done in turns of the loop, each of at most WATCH_SCAN_MAX records: a filter
 * that skips a long log keeps nobody else waiting. Loop thread.
 */
#ifndef GANTRY_BROKER_WATCH_H
#define GANTRY_BROKER_WATCH_H

#define WATCHES_MAX    8192
#define WATCH_SCAN_MAX 4096

struct broker;
struct watches;

struct watches *watches_new(struct broker *broker);
/* No request may wait any more: the connections are closed. NULL is legal. */
void watches_destroy(struct watches *watches);

/*
 * The log has grown. What is new is read once for all who have seen the rest of it, so a commit
 * costs a comparison for each of them and not a search; after more than WATCH_SCAN_MAX new records
 * they look for themselves, in the turns that follow.
 */
void watches_wake(struct watches *watches);

#endif
