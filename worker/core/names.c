/* Who is called what; see the header. */
#include "worker/core/names.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/mem.h"

struct name {
    char *text;
    struct unit *holder;
    UT_hash_handle hh;
};

static struct name *find(const struct names *names, const char *text)
{
    struct name *name = NULL;

    HASH_FIND_STR(names->by_text, text, name);
    return name;
}

static void drop(struct names *names, struct name *name)
{
    HASH_DEL(names->by_text, name); /* NOLINT(clang-analyzer-unix.Malloc): it misreads uthash */
    free(name->text);
    free(name);
}

const char *names_hold(struct names *names, const char *text, struct unit *holder)
{
    struct name *name = find(names, text);

    if (name == NULL) {
        name = mem_new(struct name);
        name->text = mem_dup_text(text);
        name->holder = holder;
        HASH_ADD_KEYPTR(hh, names->by_text, name->text, strlen(name->text), name);
    }
    return name->holder == holder ? name->text : NULL;
}

struct unit *names_holder(const struct names *names, const char *text)
{
    const struct name *name = find(names, text);

    return name == NULL ? NULL : name->holder;
}

void names_release(struct names *names, const char *text, const struct unit *holder)
{
    struct name *name = find(names, text);

    if (name != NULL && name->holder == holder)
        drop(names, name);
}

void names_done(struct names *names)
{
    struct name *name;
    struct name *next;

    HASH_ITER(hh, names->by_text, name, next)
    {
        drop(names, name);
    }
}
