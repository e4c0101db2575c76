/*
 * Names of images: "registry/path:tag", whole or as people type them.
 *
 * The rules are those of container registries and of podman's console: a name is whole when its
 * first part is a registry ("quay.io", "localhost", "hub:5000"); what is typed without one means
 * "localhost" for images made here and docker.io for those that are fetched. The tag is "latest"
 * when none is given; "name@sha256:..." names one manifest.
 *
 * Pure; texts are made in the arena. NULL: the text is no name of an image.
 */
#ifndef GANTRY_COMMON_IMAGE_NAME_H
#define GANTRY_COMMON_IMAGE_NAME_H

#include "common/arena.h"

#define IMAGE_NAME_SIZE_MAX 512

/* "web" -> "localhost/web:latest"; a whole name only gets its tag. */
char *image_name_local(const char *text, struct arena *arena);

/* "busybox" -> "docker.io/library/busybox:latest"; a whole name only gets its tag. */
char *image_name_registry(const char *text, struct arena *arena);

#endif
