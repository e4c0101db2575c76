/* Names and ids; see the header. */
#include "ops/console/names.h"

#include <assert.h>
#include <stdio.h>
#include <sys/random.h>

#define COUNT_OF(table) (sizeof(table) / sizeof(*(table)))

/* clang-format off */
static const char *const tempers[] = {
    "able", "airy", "amber", "awake", "balmy", "bold", "brave", "breezy", "bright", "brisk",
    "broad", "calm", "candid", "careful", "cheery", "clear", "clever", "cosy", "crisp", "curious",
    "dapper", "daring", "deft", "dusky", "eager", "early", "earnest", "easy", "fair", "faithful",
    "fancy", "fine", "firm", "fleet", "fond", "free", "fresh", "gentle", "gilded", "glad",
    "golden", "grand", "hardy", "hasty", "hearty", "honest", "humble", "jolly", "keen", "kind",
    "late", "light", "lively", "lofty", "loyal", "lucid", "lucky", "mellow", "merry", "mild",
    "modest", "neat", "nimble", "noble", "odd", "open", "patient", "plain", "polite", "prime",
    "prompt", "proud", "quick", "quiet", "rapid", "ready", "rosy", "round", "rustic", "sage",
    "serene", "sharp", "shy", "silent", "silver", "sleek", "smooth", "snug", "sober", "spry",
    "steady", "still", "stout", "sunny", "swift", "tidy", "true", "vivid", "warm", "wise",
};

static const char *const things[] = {
    "anchor", "badger", "ballast", "barge", "beacon", "beam", "bollard", "boom", "bow", "breeze",
    "brig", "buoy", "cable", "canal", "capstan", "cargo", "chart", "cleat", "clipper", "cog",
    "compass", "coral", "cove", "crane", "crew", "current", "cutter", "davit", "deck", "delta",
    "derrick", "dinghy", "dock", "dolphin", "dory", "dune", "eddy", "egret", "estuary", "ferry",
    "fjord", "flag", "frigate", "gale", "galley", "gannet", "gull", "gybe", "harbour", "haven",
    "hawser", "helm", "heron", "hoist", "hold", "hull", "inlet", "island", "jetty", "jib",
    "kayak", "keel", "ketch", "lagoon", "lantern", "ledger", "lighter", "lock", "lugger", "mast",
    "mole", "mooring", "oar", "otter", "pier", "pilot", "pinnace", "port", "prow", "pulley",
    "quay", "raft", "reef", "rigger", "river", "rudder", "sail", "schooner", "sextant", "shoal",
    "sloop", "sound", "spar", "strait", "tern", "tide", "tug", "wharf", "winch", "yawl",
};
/* clang-format on */

uint64_t names_random(void)
{
    uint64_t random = 0;
    ssize_t got = getrandom(&random, sizeof(random), 0);

    /* The kernel gives up to 256 bytes in one piece once it is seeded. */
    assert(got == (ssize_t)sizeof(random));
    return random;
}

void names_make_id(char ret[static CONTAINER_ID_SIZE + 1])
{
    uint8_t random[CONTAINER_ID_SIZE / 2];
    ssize_t got = getrandom(random, sizeof(random), 0);

    assert(got == (ssize_t)sizeof(random));
    hex_write(random, sizeof(random), ret);
}

void names_make_name(uint64_t random, char ret[static NAMES_SIZE])
{
    const char *temper = tempers[random % COUNT_OF(tempers)];
    const char *thing = things[random / COUNT_OF(tempers) % COUNT_OF(things)];

    (void)snprintf(ret, NAMES_SIZE, "%s_%s", temper, thing);
}
