/* Where an archive goes: a file, or stdout unless that is a terminal. */
#ifndef GANTRY_OPS_CONSOLE_OUTPUT_FILE_H
#define GANTRY_OPS_CONSOLE_OUTPUT_FILE_H

#include "ops/console/transfer.h"

/* Write the stream to a new file `path` (NULL: stdout). A file that did not get whole is removed.
 * `what` is podman's word for it: "refusing to save to terminal". */
int output_file_receive(struct console *console, const struct stream_open *open, const char *path,
                        const char *what, struct error *err);

#endif
