/*
 * The part of the fold that is about what a host stores: its images and volumes.
 */
#ifndef GANTRY_COMMON_FLEET_STORAGE_H
#define GANTRY_COMMON_FLEET_STORAGE_H

#include "common/fleet/fleet.h"

/* image.added, image.tagged, image.removed; volume.created, volume.removed. -EPROTO for one that
 * is not there. */
int storage_image_added(const struct view *view, const struct record *record, struct error *err);
int storage_image_tagged(const struct view *view, const struct record *record, struct error *err);
int storage_image_removed(const struct view *view, const struct record *record, struct error *err);
int storage_volume_created(const struct view *view, const struct record *record, struct error *err);
int storage_volume_removed(const struct view *view, const struct record *record, struct error *err);

/* image.recovered, volume.recovered: its row, whatever was known of it. */
int storage_image_recovered(const struct view *view, const struct record *record,
                            struct error *err);
int storage_volume_recovered(const struct view *view, const struct record *record,
                             struct error *err);

/* Another journal speaks for this host: what the old one had is not known any more. */
int storage_drop_host(const struct view *view, const char *host, struct error *err);

#endif
