/*
 * A log as a broker writes it, record by record and at random: no command comes twice, hosts lose
 * their journals and are told anew, containers mostly do what is legal. With the same seed and the
 * same views it is the same log again.
 */
#ifndef GANTRY_TESTS_SUPPORT_RANDOM_FLEET_H
#define GANTRY_TESTS_SUPPORT_RANDOM_FLEET_H

#include <stddef.h>
#include <stdint.h>

#include "common/fleet/view.h"
#include "schemas/record.h"
#include "tests/support/dice.h"

struct random_fleet;

/* For at most so many records. */
struct random_fleet *random_fleet_new(uint64_t seed, size_t records_max);
void random_fleet_destroy(struct random_fleet *fleet);

/* The same that the records come from: for what a test does at random between them. */
struct dice *random_fleet_dice(struct random_fleet *fleet);

/* The next record, without a position, while the fleet is as in `view`. What it points to stays
 * until the fleet is destroyed. */
struct record random_fleet_next(struct random_fleet *fleet, const struct view *view);

/* Commands until now, and a record that ends one of them, ended already or not. */
size_t random_fleet_commands(const struct random_fleet *fleet);
struct record random_fleet_end(struct random_fleet *fleet, size_t command);

#endif
