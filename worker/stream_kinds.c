/* The kinds of streams that this worker serves; see stream_source.h. */
#include "worker/stream_source.h"

#include <stddef.h>
#include <string.h>

static const struct stream_kind *const kinds[] = { &stream_logs,    &stream_export, &stream_archive,
                                                   &stream_diff,    &stream_sizes,  &stream_save,
                                                   &stream_progress };

const struct stream_kind *stream_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}
