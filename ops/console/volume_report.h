/* A volume as it is shown, and which are: podman's words, made of the view's rows. Pure. */
#ifndef GANTRY_OPS_CONSOLE_VOLUME_REPORT_H
#define GANTRY_OPS_CONSOLE_VOLUME_REPORT_H

#include <stdbool.h>

#include "common/error.h"
#include "ops/console/fleet_rows.h"

struct json_t;

/* One object of `volume inspect`, also for `volume ls --format`. */
struct json_t *volume_report(const struct volume_row *row, const struct container_rows *containers,
                             const struct host_rows *hosts, struct arena *arena);

/* Where a volume's data lies on its host, a path; NULL when the host does not say. */
char *volume_report_mountpoint(const struct host_row *host, const char *volume,
                               struct arena *arena);
struct json_t *volume_report_titles(void);

/* Check the words "key=value": dangling, host, label, name. */
int volume_filter_check(const struct text_list *filters, struct error *err);

/* All of them must hold. */
bool volume_filter_passes(const struct text_list *filters, const struct volume_row *row,
                          const struct container_rows *containers);

#endif
