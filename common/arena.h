/*
 * Memory for the parts of one message, freed at once: what a decoder allocates (texts, lists,
 * nested structs) lives in the arena that its caller gave it.
 *
 * Starts as { 0 }, ends with arena_done(). One thread at a time.
 */
#ifndef GANTRY_COMMON_ARENA_H
#define GANTRY_COMMON_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes given out in all */
};

/* Zeroed memory, aligned for any type; lives until arena_done(). */
void *arena_zeroed(struct arena *arena, size_t size);

/* A copy of `size` bytes followed by a NUL. */
char *arena_text_n(struct arena *arena, const char *text, size_t size);

/* A copy of a text; NULL gives NULL. */
char *arena_text(struct arena *arena, const char *text);

/* Format a text into the arena. */
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forget everything, and keep a block of memory for what comes: for who decodes one message after
 * the other. */
void arena_empty(struct arena *arena);

/* Free everything; the arena is empty and can be used again. */
void arena_done(struct arena *arena);

static inline void arena_auto_done_(struct arena *arena)
{
    arena_done(arena);
}
#define autoarena __attribute__((cleanup(arena_auto_done_))) struct arena

#endif
