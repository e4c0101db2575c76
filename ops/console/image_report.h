/* An image as it is shown: podman's words and shapes, made of the view's row. Pure. */
#ifndef GANTRY_OPS_CONSOLE_IMAGE_REPORT_H
#define GANTRY_OPS_CONSOLE_IMAGE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "schemas/images.h"

struct json_t;

struct image_report_options {
    uint64_t now;  /* ns since 1970 */
    bool is_whole; /* ids are not cut */
};

/* The fields of `images --format TEMPLATE` for one of its names; NULL: it has none. */
struct json_t *image_report_fields(const struct image_row *row, const char *name,
                                   const struct image_report_options *options, struct arena *arena);
struct json_t *image_report_titles(void);

/* One object of `images --format json`. */
struct json_t *image_report_listed(const struct image_row *row, unsigned containers);

/* One object of `image inspect`. */
struct json_t *image_report_inspected(const struct image_row *row, struct arena *arena);

#endif
