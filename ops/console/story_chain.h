/*
 * A container's story as sentences and as a chain: from its state back through events and commands
 * to whoever asked for it. Pure.
 */
#ifndef GANTRY_OPS_CONSOLE_STORY_CHAIN_H
#define GANTRY_OPS_CONSOLE_STORY_CHAIN_H

#include "ops/console/story.h"

#define CHAIN_LINKS_MAX 24
#define CHAIN_TEXT_MAX  1024

/* What a part of the chain explains. */
enum chain_section {
    CHAIN_STATE = 1, /* why it is in its state */
    CHAIN_END,       /* why its latest run ended, when the state itself is not about that */
    CHAIN_RUN,       /* why it ran, or runs */
    CHAIN_EXISTENCE, /* why it is there */
};

/* One thing that was so because of the next link, if that is of the same section. */
struct chain_link {
    enum chain_section section;
    const struct story_fact *fact; /* in the story; NULL: no record says it, but we know */
    char text[CHAIN_TEXT_MAX];
};

struct chain {
    char summary[CHAIN_TEXT_MAX]; /* "web (4f1c2a9be07d) on host a exited with 137 ..." */
    struct chain_link links[CHAIN_LINKS_MAX];
    size_t count;
};

/* `now_ns`: what "5 minutes ago" is reckoned from. `story` must outlive `ret`. */
void chain_make(const struct story *story, uint64_t now_ns, struct chain *ret);

/* "It runs because". */
const char *chain_heading(const struct story *story, enum chain_section section);

/* "container.start by unix:0: refused, state-improper: ..." */
void chain_trouble_text(const struct story_event *trouble, char ret[static CHAIN_TEXT_MAX]);

#endif
