/*
 * Who waits for the end of a command. Loop thread.
 */
#ifndef GANTRY_BROKER_OUTCOME_H
#define GANTRY_BROKER_OUTCOME_H

#include "common/id.h"

struct broker;
struct outcomes;

/* Requests that wait at most; further ones are told to try again later. */
#define OUTCOMES_MAX 65536

struct outcomes *outcomes_new(struct broker *broker);
/* No request may wait any more: the connections are closed. NULL is legal. */
void outcomes_destroy(struct outcomes *outcomes);

/* The command has ended, durably: answer all who wait for it. */
void outcomes_wake(struct outcomes *outcomes, struct command_id id);

#endif
