/*
 * libarchive gives and takes paths in the thread's locale: while it works, that is UTF-8, as in the
 * archives. Only this thread's is changed.
 */
#ifndef GANTRY_WORKER_IO_LAYER_LOCALE_H
#define GANTRY_WORKER_IO_LAYER_LOCALE_H

#include <locale.h>

#include "common/error.h"

struct layer_locale {
    locale_t utf8;
    locale_t before;
};

static inline int layer_locale_enter(struct layer_locale *locale, struct error *err)
{
    locale->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (locale->utf8 == (locale_t)0)
        return error_set_errno(err, "locale C.UTF-8");
    locale->before = uselocale(locale->utf8);
    return 0;
}

static inline void layer_locale_leave(struct layer_locale *locale)
{
    if (locale->utf8 == (locale_t)0)
        return;
    (void)uselocale(locale->before);
    freelocale(locale->utf8);
}
#define autolocale __attribute__((cleanup(layer_locale_leave)))

#endif
