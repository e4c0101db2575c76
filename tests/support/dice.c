/* splitmix64; see the header. */
#include "tests/support/dice.h"

static uint64_t roll(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

unsigned dice_below(struct dice *dice, unsigned limit)
{
    return (unsigned)(roll(dice) % limit);
}

bool dice_one_in(struct dice *dice, unsigned n)
{
    return dice_below(dice, n) == 0;
}
