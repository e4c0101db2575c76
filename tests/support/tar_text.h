/*
 * Tar archives, byte by byte, for tests of whoever reads them: also those that no tar would write.
 */
#ifndef GANTRY_TESTS_SUPPORT_TAR_TEXT_H
#define GANTRY_TESTS_SUPPORT_TAR_TEXT_H

#include <stdint.h>

#include "common/bytes.h"

struct tar_entry {
    char type; /* '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' */
    const char *name;
    const char *target;  /* of a link */
    const char *content; /* of a file; NULL: empty */
    unsigned mode;       /* 0: 0644, directories 0755 */
    unsigned uid;
    unsigned gid;
    unsigned major;
    unsigned minor;
    uint64_t mtime;
    const char *xattr; /* "name=value" */
};

void tar_add(struct buffer *tar, const struct tar_entry *entry);
/* The two blocks of zeros. */
void tar_end(struct buffer *tar);

/* A descriptor of these bytes, at their beginning. */
int tar_open_bytes(struct bytes bytes);

#endif
