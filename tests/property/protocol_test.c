/*
 * Every interleaving of the delivery protocol, within bounds: two commands, each thing that can
 * happen next, and up to so many faults (loss, duplication, a crash of the broker or the worker).
 * What decides is the code of the programs: admission, the fold, the worker's engine.
 *
 * GANTRY_FAULTS=n: up to n faults in one history (default 2; 3 takes minutes).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/support/protocol_world.h"

#ifdef __SANITIZE_ADDRESS__
#define FAULTS 1 /* it is several times slower then */
#else
#define FAULTS 2
#endif
#define FAULTS_OF_MUTANTS 1 /* are enough */
#define DEPTH_MAX         120
#define STATES_BITS       24

/* The states that were seen, by their hash; open addressing. */
struct seen {
    uint64_t *hashes;
    size_t count;
};

struct exploration {
    enum protocol_mutant mutant;
    unsigned faults_max;
    struct seen seen;
    size_t steps;
    size_t ends;
    struct protocol_choice path[DEPTH_MAX];
    size_t depth;
    char broken[256]; /* what was found; empty: nothing */
};

/* Whether it is new. */
static bool seen_add(struct seen *seen, uint64_t hash)
{
    size_t mask = ((size_t)1 << STATES_BITS) - 1;
    size_t at = hash & mask;

    hash |= hash == 0;
    while (seen->hashes[at] != 0 && seen->hashes[at] != hash)
        at = (at + 1) & mask;
    if (seen->hashes[at] == hash)
        return false;
    assert_true(++seen->count < mask / 2);
    seen->hashes[at] = hash;
    return true;
}

static void note_broken(struct exploration *exploration, const char *what)
{
    (void)snprintf(exploration->broken, sizeof(exploration->broken), "%s", what);
}

/* The world at the end of the path. */
static struct protocol_world *replay(struct exploration *exploration)
{
    struct protocol_world *world = protocol_world_new(exploration->mutant, exploration->faults_max);

    for (size_t i = 0; i < exploration->depth; i++)
        protocol_repeat(world, exploration->path[i]);
    return world;
}

static void explore(struct exploration *exploration, struct protocol_world *world);

static void follow(struct exploration *exploration, struct protocol_world *world,
                   struct protocol_choice choice)
{
    const char *broken;

    assert_true(exploration->depth < DEPTH_MAX);
    exploration->path[exploration->depth++] = choice;
    exploration->steps++;
    broken = protocol_do(world, choice);
    if (broken != NULL)
        note_broken(exploration, broken);
    else if (seen_add(&exploration->seen, protocol_hash(world)))
        explore(exploration, world);
    if (exploration->broken[0] == '\0')
        exploration->depth--;
}

/* Owns nothing: the world is used up. */
static void explore(struct exploration *exploration, struct protocol_world *world)
{
    struct protocol_choice choices[PROTOCOL_CHOICES_MAX];
    bool is_over = false;
    size_t count = protocol_choices(world, choices, &is_over);

    if (is_over) {
        const char *broken = protocol_check_end(world);

        exploration->ends++;
        if (broken != NULL)
            note_broken(exploration, broken);
    }
    for (size_t i = count; i-- > 0 && exploration->broken[0] == '\0';) {
        if (i == 0) {
            follow(exploration, world, choices[i]); /* the last one may have this world */
        } else {
            autodestroy(protocol_world) struct protocol_world *copy = replay(exploration);

            follow(exploration, copy, choices[i]);
        }
    }
}

static struct exploration explore_all(enum protocol_mutant mutant, unsigned faults_max)
{
    struct exploration exploration = { .mutant = mutant, .faults_max = faults_max };
    autodestroy(protocol_world) struct protocol_world *world =
        protocol_world_new(mutant, faults_max);

    exploration.seen.hashes = mem_zeroed(sizeof(uint64_t) << STATES_BITS);
    explore(&exploration, world);
    free(exploration.seen.hashes);
    return exploration;
}

static void tell_path(const struct exploration *exploration)
{
    for (size_t i = 0; i < exploration->depth; i++)
        print_message("    %s (%u)\n", protocol_what_text(exploration->path[i].what),
                      exploration->path[i].index);
}

static unsigned faults_max(void)
{
    const char *text = getenv("GANTRY_FAULTS");

    return text != NULL ? (unsigned)atoi(text) : FAULTS;
}

static void no_interleaving_breaks_a_promise(void **state)
{
    struct exploration exploration = explore_all(PROTOCOL_SOUND, faults_max());

    (void)state;
    print_message("%zu states, %zu steps, %zu ends\n", exploration.seen.count, exploration.steps,
                  exploration.ends);
    if (exploration.broken[0] != '\0') {
        tell_path(&exploration);
        fail_msg("%s", exploration.broken);
    }
    assert_true(exploration.ends > 0);
}

static void every_mutant_of_the_protocol_is_found(void **state)
{
    (void)state;
    for (int mutant = PROTOCOL_SOUND + 1; mutant < PROTOCOL_MUTANT_COUNT; mutant++) {
        struct exploration exploration =
            explore_all((enum protocol_mutant)mutant, FAULTS_OF_MUTANTS);

        print_message("mutant %d, after %zu states: %s\n", mutant, exploration.seen.count,
                      exploration.broken);
        assert_int_not_equal(exploration.broken[0], '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_interleaving_breaks_a_promise),
        cmocka_unit_test(every_mutant_of_the_protocol_is_found),
    };

    return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
