/*
 * Memory that cannot be refused: small allocations abort the process when there is none left (the
 * supervisor restarts it, the store is durable). Sizes that a peer chose are checked before.
 */
#ifndef GANTRY_COMMON_MEM_H
#define GANTRY_COMMON_MEM_H

#include <stddef.h>

/* Zeroed memory on the heap; free() it. A size of 0 gives a pointer that may be freed. */
void *mem_zeroed(size_t size);

/* Change the size of `old` (NULL is legal); what is new is not zeroed. */
void *mem_resized(void *old, size_t size);

/* Copies on the heap; NULL gives NULL. */
char *mem_dup_text(const char *text);
void *mem_dup(const void *bytes, size_t size);

/* Format a text on the heap. */
char *mem_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define mem_new(type) ((type *)mem_zeroed(sizeof(type)))

#define container_of(pointer, type, member)                         \
    __extension__({                                                 \
        __typeof__(((type *)0)->member) *member_ = (pointer);       \
        (type *)(void *)((char *)member_ - offsetof(type, member)); \
    })

#endif
