/* How much containers take on their hosts, asked of these. */
#ifndef GANTRY_OPS_CONSOLE_SIZES_H
#define GANTRY_OPS_CONSOLE_SIZES_H

#include "ops/console/container_report.h"
#include "ops/console/fleet_rows.h"

/* Ask each host of these containers, or only about the one when there is one. `ret` has a size for
 * each row, in the console's arena; a container that has gone meanwhile has none (is_known). */
int sizes_ask(struct console *console, const struct container_row *rows, size_t count,
              struct container_size **ret, struct error *err);

#endif
