/* Random numbers that come again with the same seed: a failure can be looked at. */
#ifndef GANTRY_TESTS_SUPPORT_DICE_H
#define GANTRY_TESTS_SUPPORT_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state; /* the seed, at first */
};

/* 0 to limit - 1. */
unsigned dice_below(struct dice *dice, unsigned limit);

/* Once in so many times. */
bool dice_one_in(struct dice *dice, unsigned n);

#endif
