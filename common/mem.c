/* Memory that cannot be refused; see the header. */
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void *mem_zeroed(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1));
}

void *mem_resized(void *old, size_t size)
{
    return checked(realloc(old, size > 0 ? size : 1));
}

char *mem_dup_text(const char *text)
{
    return text == NULL ? NULL : checked(strdup(text));
}

void *mem_dup(const void *bytes, size_t size)
{
    void *copy;

    if (bytes == NULL)
        return NULL;
    copy = mem_zeroed(size);
    memcpy(copy, bytes, size);
    return copy;
}

char *mem_text(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    int r;

    va_start(args, fmt);
    r = vasprintf(&text, fmt, args);
    va_end(args);
    return checked(r < 0 ? NULL : text);
}
