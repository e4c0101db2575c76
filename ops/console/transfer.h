/*
 * Bytes between the console and a host, through the broker: what a stream of a host's gives
 * (an archive, lines), and files that are sent there for a command to take.
 *
 * On the console's only thread; blocks.
 */
#ifndef GANTRY_OPS_CONSOLE_TRANSFER_H
#define GANTRY_OPS_CONSOLE_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "ops/console/console.h"
#include "schemas/bus.h"

/* Negative errno ends the stream, and is the result. */
typedef int transfer_take_fn(void *owner, struct bytes data, struct error *err);

/* Open the stream and give its bytes as they come, to its end. An error when it ended too early. */
int transfer_receive(struct console *console, const struct stream_open *open,
                     transfer_take_fn *take, void *owner, struct error *err);

/* The same, for a stream that may have nothing for long: whenever that is so for a while,
 * `goes_on` is asked, and the reading ends, well, when it says no. */
int transfer_follow(struct console *console, const struct stream_open *open, transfer_take_fn *take,
                    bool (*goes_on)(void *owner), void *owner, struct error *err);

/* All bytes of the stream into a descriptor. */
int transfer_receive_fd(struct console *console, const struct stream_open *open, int fd,
                        struct error *err);

/* A file on its way to a host, in the caller's memory. */
#define TRANSFER_UPLOAD_SIZE 40
struct transfer {
    struct console *console;
    char upload[TRANSFER_UPLOAD_SIZE]; /* the name that a command gives it by */
    uint64_t stream;
    uint64_t sequence; /* of the last chunk that was sent */
};

int transfer_open(struct transfer *transfer, struct console *console, const char *host,
                  struct error *err);
/* Returns when the host has written it. */
int transfer_write(struct transfer *transfer, struct bytes data, struct error *err);
/* The source has nothing just now: say that it is not over. */
int transfer_keep_alive(struct transfer *transfer, struct error *err);
/* That was all: returns when it is on the host's disk. */
int transfer_finish(struct transfer *transfer, struct error *err);
/* Give up: the host forgets it. */
void transfer_abort(struct transfer *transfer);

/* Send all that can be read from a descriptor. `transfer` says by which name it is there. */
int transfer_send_fd(struct transfer *transfer, struct console *console, const char *host, int fd,
                     struct error *err);

#endif
