/* Memory for the parts of one message; see the header. */
#include "common/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* With its header the first block is one that the allocator keeps at hand; a message that needs
 * more gets larger ones. */
#define FIRST_BLOCK_SIZE 960
#define BLOCK_SIZE_MAX   16384

#define BRIEF_SIZE 256

struct arena_block {
    struct arena_block *older;
    size_t size; /* of the room behind this header */
    size_t used;
    alignas(max_align_t) char room[];
};

static size_t rounded(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static size_t next_block_size(const struct arena_block *newest)
{
    if (newest == NULL)
        return FIRST_BLOCK_SIZE;
    return newest->size < BLOCK_SIZE_MAX / 2 ? newest->size * 2 : BLOCK_SIZE_MAX;
}

static struct arena_block *block_with_room(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t room;

    if (block != NULL && block->size - block->used >= size)
        return block;
    room = next_block_size(block);
    if (room < size)
        room = size;
    block = mem_resized(NULL, sizeof(*block) + room);
    block->size = room;
    block->used = 0;
    block->older = arena->blocks;
    arena->blocks = block;
    return block;
}

/* Of any contents. */
static void *take(struct arena *arena, size_t size)
{
    size_t needed = rounded(size > 0 ? size : 1);
    struct arena_block *block = block_with_room(arena, needed);
    void *memory = block->room + block->used;

    block->used += needed;
    arena->used += needed;
    return memory;
}

void *arena_zeroed(struct arena *arena, size_t size)
{
    void *memory = take(arena, size);

    memset(memory, 0, size);
    return memory;
}

char *arena_text_n(struct arena *arena, const char *text, size_t size)
{
    char *copy = take(arena, size + 1);

    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_text_n(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    char brief[BRIEF_SIZE]; /* most texts are: formatted once, and copied */
    va_list args;
    char *text;
    int size;

    va_start(args, fmt);
    size = vsnprintf(brief, sizeof(brief), fmt, args);
    va_end(args);
    if (size < (int)sizeof(brief))
        return arena_text_n(arena, brief, (size_t)(size < 0 ? 0 : size));
    text = arena_zeroed(arena, (size_t)size + 1);
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)size + 1, fmt, args);
    va_end(args);
    return text;
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *older = block->older;

        free(block);
        block = older;
    }
    *arena = (struct arena){ 0 };
}

void arena_empty(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;

    if (kept == NULL || kept->size > BLOCK_SIZE_MAX) {
        arena_done(arena);
        return;
    }
    arena->blocks = kept->older;
    arena_done(arena);
    kept->older = NULL;
    kept->used = 0;
    arena->blocks = kept;
}
