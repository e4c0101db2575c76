/*
 * libarchive, loaded when the first archive is packed or unpacked: with all that it links it would
 * take more than half of the start of a command that seldom needs it.
 *
 * Owner: the program, until it ends. Thread: whichever packs or unpacks, one at a time.
 */
#ifndef GANTRY_OPS_CONSOLE_ARCHIVE_LIBRARY_H
#define GANTRY_OPS_CONSOLE_ARCHIVE_LIBRARY_H

#include <archive.h>
#include <archive_entry.h>

#include "common/error.h"

/* clang-format off */
#define ARCHIVE_FUNCTIONS(FUNCTION)                  \
    FUNCTION(archive_entry_copy_hardlink)            \
    FUNCTION(archive_entry_copy_pathname)            \
    FUNCTION(archive_entry_copy_sourcepath)          \
    FUNCTION(archive_entry_filetype)                 \
    FUNCTION(archive_entry_free)                     \
    FUNCTION(archive_entry_hardlink)                 \
    FUNCTION(archive_entry_new)                      \
    FUNCTION(archive_entry_pathname)                 \
    FUNCTION(archive_entry_size)                     \
    FUNCTION(archive_entry_sourcepath)               \
    FUNCTION(archive_errno)                          \
    FUNCTION(archive_error_string)                   \
    FUNCTION(archive_read_data_block)                \
    FUNCTION(archive_read_disk_descend)              \
    FUNCTION(archive_read_disk_new)                  \
    FUNCTION(archive_read_disk_open)                 \
    FUNCTION(archive_read_disk_set_standard_lookup)  \
    FUNCTION(archive_read_disk_set_symlink_hybrid)   \
    FUNCTION(archive_read_free)                      \
    FUNCTION(archive_read_new)                       \
    FUNCTION(archive_read_next_header)               \
    FUNCTION(archive_read_next_header2)              \
    FUNCTION(archive_read_open_fd)                   \
    FUNCTION(archive_read_support_format_tar)        \
    FUNCTION(archive_set_error)                      \
    FUNCTION(archive_write_close)                    \
    FUNCTION(archive_write_data)                     \
    FUNCTION(archive_write_data_block)               \
    FUNCTION(archive_write_disk_new)                 \
    FUNCTION(archive_write_disk_set_options)         \
    FUNCTION(archive_write_finish_entry)             \
    FUNCTION(archive_write_free)                     \
    FUNCTION(archive_write_header)                   \
    FUNCTION(archive_write_new)                      \
    FUNCTION(archive_write_open)                     \
    FUNCTION(archive_write_set_bytes_in_last_block)  \
    FUNCTION(archive_write_set_bytes_per_block)      \
    FUNCTION(archive_write_set_format_pax_restricted)
/* clang-format on */

/* A pointer for each of these functions, of its name and type. */
struct archive_library {
#define ARCHIVE_POINTER(name) __typeof__(name) *name;
    ARCHIVE_FUNCTIONS(ARCHIVE_POINTER)
#undef ARCHIVE_POINTER
};

/* -ELIBACC when it is not installed, or is another one. */
int archive_library_load(const struct archive_library **ret, struct error *err);

#endif
