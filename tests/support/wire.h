/*
 * What the tests of the bus share: a loop that runs until something holds, a directory of one's
 * own, certificates from ops/certificates.
 */
#ifndef GANTRY_TESTS_SUPPORT_WIRE_H
#define GANTRY_TESTS_SUPPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

/* Runs the loop until `holds`; the test fails when a minute has passed. */
void wire_run_until(struct event_base *loop, bool (*holds)(void *arg), void *arg);

/* Lets the loop run `turns` rounds without waiting for anything. */
void wire_run_turns(struct event_base *loop, unsigned turns);

/* Runs a script of bash; the test fails when that does. */
void wire_run(const char *script);

/* A new directory for sockets and certificates; freed by wire_scratch_remove. */
char *wire_scratch_new(void);
void wire_scratch_remove(char *directory);

/* Runs ops/certificates with `directory` and `arguments`. */
void wire_certificates(const char *directory, const char *arguments);

/* A loopback address of this process, so that a port can be had again: "127.x.y.z". */
const char *wire_own_address(void);

#endif
