/*
 * The publisher of the feed: what was committed, to whoever follows. The feed may lose; `prev`
 * shows it and fetch repairs it. It is published after the answers, never before.
 *
 * While somebody follows, a second without a commit is filled by an empty message with the head,
 * so that a lost tail shows. Loop thread.
 */
#ifndef GANTRY_BROKER_PUBLISHER_H
#define GANTRY_BROKER_PUBLISHER_H

struct broker;
struct publisher;

struct publisher *publisher_new(struct broker *broker);
/* NULL is legal. */
void publisher_destroy(struct publisher *publisher);

/* Somebody has begun to follow. */
void publisher_followed(struct publisher *publisher);

/* The log has grown. */
void publisher_publish(struct publisher *publisher);

#endif
