/*
 * A client that asks one question at a time and waits for the answer, on a socket of its own: for
 * programs of tests that are many, are stopped and killed, and must cost little. Questions are
 * repeated over new connections until they are answered: they must be repeatable.
 *
 * Owner: one thread.
 */
#ifndef GANTRY_TESTS_SIM_CALLER_H
#define GANTRY_TESTS_SIM_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "schemas/codec.h"

struct caller;

/* "tcp://127.0.0.1:7470": an IPv4 address and a port. What is wrong with it ends the program. */
struct caller *caller_new(const char *url);
void caller_destroy(struct caller *caller);

/* The answer's frame; it stays until the next question, `ret`'s type in `arena`. A question that
 * stays without an answer for `silence_ms` is asked again on another connection. */
void caller_ask(struct caller *caller, const struct schema *schema, const void *message,
                unsigned silence_ms, struct frame *ret, struct arena *arena);

/* Decode the body of an answer of that type; what it is else ends the program. */
void caller_decode(const struct frame *frame, const struct schema *schema, void *ret,
                   struct arena *arena);

/* End with whoever has started this program, however it ends. */
void caller_end_with_parent(void);

/* Nothing for so long. */
void caller_pause(unsigned ms);

/* 64 bits that a record is known by: of its position and its bytes. */
uint64_t record_digest(uint64_t pos, struct bytes wire);

_Noreturn void caller_give_up(const char *what, const char *why);

#endif
