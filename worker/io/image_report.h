/*
 * An image of the store in the words of the bus. Parts are in the arena or borrowed from `info`.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_REPORT_H
#define GANTRY_WORKER_IO_IMAGE_REPORT_H

#include "common/arena.h"
#include "schemas/images.h"
#include "worker/io/image_info.h"

struct image *image_report(const struct image_info *info, struct arena *arena);

#endif
