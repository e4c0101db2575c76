/*
 * The worker of the protocol's world: the real engine, a journal of two states (durable, and the
 * batch that is not yet), and a host with one container that counts what is done to it.
 */
#ifndef GANTRY_TESTS_SUPPORT_PROTOCOL_WORKER_H
#define GANTRY_TESTS_SUPPORT_PROTOCOL_WORKER_H

#include "common/bytes.h"
#include "schemas/record.h"
#include "schemas/rows.h"
#include "tests/support/protocol_world.h"

#define PROTOCOL_HOST      "host-a"
#define PROTOCOL_CONTAINER "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

struct protocol_worker;

struct protocol_worker *protocol_worker_new(enum protocol_mutant mutant);
void protocol_worker_destroy(struct protocol_worker *worker);

/* Take in a command of the stream. */
void protocol_worker_command(struct protocol_worker *worker, const struct record *record);
/* Make the batch durable, and its actions due. */
void protocol_worker_commit(struct protocol_worker *worker);
/* Do what the action with this index says, and let the engine know. */
void protocol_worker_act(struct protocol_worker *worker, size_t index);
/* SIGKILL and a new life, before or after the first action was done. */
void protocol_worker_crash(struct protocol_worker *worker, bool has_acted);
/* The broker has everything up to here. */
void protocol_worker_acked(struct protocol_worker *worker, uint64_t seq);

bool protocol_worker_has_batch(const struct protocol_worker *worker);
size_t protocol_worker_actions(const struct protocol_worker *worker);
uint64_t protocol_worker_incarnation(const struct protocol_worker *worker);
uint64_t protocol_worker_cursor(const struct protocol_worker *worker);
uint64_t protocol_worker_acked_seq(const struct protocol_worker *worker);
/* Durable events, and one of them. */
uint64_t protocol_worker_events(const struct protocol_worker *worker);
struct bytes protocol_worker_event(const struct protocol_worker *worker, uint64_t seq);
/* By its durable row; CONTAINER_STATE_COUNT without one. */
enum container_state protocol_worker_state(const struct protocol_worker *worker);

/* NULL, or which promise is broken, on the heap. */
char *protocol_worker_check(const struct protocol_worker *worker);
uint64_t protocol_worker_hash(const struct protocol_worker *worker);

#endif
