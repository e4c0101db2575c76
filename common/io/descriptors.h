/*
 * How many descriptors this process may have open. The usual 1024 are fewer than a crowd of
 * containers or peers needs, and are the default only for the sake of programs that use select(),
 * which ours do not; so the limit is raised as far as it goes, and children get the old one back.
 *
 * Raise it once, before there are threads.
 */
#ifndef GANTRY_COMMON_IO_DESCRIPTORS_H
#define GANTRY_COMMON_IO_DESCRIPTORS_H

#include <sys/types.h>

/* The soft limit becomes the hard one. Where that is refused all goes on with the old one. */
void descriptors_raise(void);

/* The process `pid` gets the limit that this one had before descriptors_raise(). Nothing if it was
 * not raised. */
void descriptors_restore(pid_t pid);

#endif
