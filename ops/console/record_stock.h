/* What records about images and volumes are about. Pure. */
#ifndef GANTRY_OPS_CONSOLE_RECORD_STOCK_H
#define GANTRY_OPS_CONSOLE_RECORD_STOCK_H

#include "common/arena.h"
#include "schemas/record.h"

struct record_stock {
    const char *id;   /* of an image, or the name of a volume; NULL: not said */
    const char *name; /* of an image, as it was typed or the first it has; NULL: none */
};

/* Texts in `arena`; all NULL for records about anything else. */
struct record_stock record_stock_of(const struct record *record, struct arena *arena);

#endif
