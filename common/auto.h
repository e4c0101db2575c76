/*
 * Scope-bound ownership: a local that owns says so, and gives up by steal_ptr() or steal_fd().
 */
#ifndef GANTRY_COMMON_AUTO_H
#define GANTRY_COMMON_AUTO_H

#include <stdlib.h>
#include <unistd.h>

static inline void auto_free_(void *owned)
{
    free(*(void **)owned);
}

static inline void auto_close_(int *owned)
{
    if (*owned >= 0)
        (void)close(*owned);
}

#define autofree          __attribute__((cleanup(auto_free_)))
#define autoclose         __attribute__((cleanup(auto_close_)))
#define autodestroy(type) __attribute__((cleanup(type##_auto_destroy_)))

/* Give `struct type` scope-bound ownership; type_destroy(NULL) must be legal. */
#define DEFINE_AUTODESTROY(type)                                 \
    static inline void type##_auto_destroy_(struct type **owned) \
    {                                                            \
        type##_destroy(*owned);                                  \
    }

#define steal_ptr(owner)                    \
    __extension__({                         \
        __typeof__(owner) taken_ = (owner); \
        (owner) = NULL;                     \
        taken_;                             \
    })

static inline int steal_fd(int *owner)
{
    int taken = *owner;

    *owner = -1;
    return taken;
}

#endif
