/* What a record says, as the struct of its type. */
#ifndef GANTRY_COMMON_FLEET_BODY_H
#define GANTRY_COMMON_FLEET_BODY_H

#include "common/arena.h"
#include "common/error.h"
#include "schemas/record.h"
#include "schemas/schema.h"

/* Decode the body of `record` by `schema` into `ret` (schema->size bytes, parts in `arena`). No
 * body is a body without fields. -EPROTO and the reason when it does not fit. */
int body_decode(const struct schema *schema, const struct record *record, void *ret,
                struct arena *arena, struct error *err);

#endif
