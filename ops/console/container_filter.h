/* ps --filter: which rows are shown. Pure. */
#ifndef GANTRY_OPS_CONSOLE_CONTAINER_FILTER_H
#define GANTRY_OPS_CONSOLE_CONTAINER_FILTER_H

#include <stdbool.h>

#include "common/error.h"
#include "schemas/rows.h"
#include "schemas/schema.h"

/* Check the words "key=value": id, name, status, label, exited, host. -EINVAL names what is
 * wrong. */
int container_filter_check(const struct text_list *filters, struct error *err);

/* Words of one key are alternatives (labels: all of them must hold); different keys must all
 * hold. The words have been checked. */
bool container_filter_passes(const struct text_list *filters, const struct container_row *row);

#endif
