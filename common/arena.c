/* Memory for the parts of one message; see the header. */
#include "common/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define BLOCK_SIZE 2048

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

static struct arena_block *block_with_room(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

    if (block != NULL && block->size - block->used >= size)
        return block;
    block = mem_zeroed(sizeof(*block) + room);
    block->size = room;
    block->older = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_zeroed(struct arena *arena, size_t size)
{
    size_t needed = rounded(size > 0 ? size : 1);
    struct arena_block *block = block_with_room(arena, needed);
    void *memory = block->room + block->used;

    block->used += needed;
    arena->used += needed;
    return memory;
}

char *arena_text_n(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_zeroed(arena, size + 1);

    if (size > 0)
        memcpy(copy, text, size);
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_text_n(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_list again;
    char *text;
    int size;

    va_start(args, fmt);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    text = arena_zeroed(arena, (size_t)(size < 0 ? 0 : size) + 1);
    (void)vsnprintf(text, (size_t)(size < 0 ? 0 : size) + 1, fmt, again);
    va_end(again);
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
