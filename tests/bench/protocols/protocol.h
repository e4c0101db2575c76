/*
 * How a broker of others is spoken to by peer_load: what a producer says first, what it sends in
 * each turn, and what is an acknowledgement.
 *
 * Owner of an exchange: peer_load, which has one for each of its clients.
 */
#ifndef GANTRY_TESTS_BENCH_PROTOCOL_H
#define GANTRY_TESTS_BENCH_PROTOCOL_H

#include <stdint.h>

#include "common/bytes.h"

struct exchange {
    int fd;
    unsigned number;        /* of the client */
    unsigned record_count;  /* in a batch */
    unsigned record_size;   /* bytes */
    struct buffer batch;    /* what is sent in each turn */
    unsigned awaited_count; /* what is to come before the turn ends */
    uint32_t stream;        /* of HTTP/2: the last one that was opened */
};

struct protocol {
    const char *name;
    /* Greet the server, and make `batch`; may wait for the answer. */
    void (*begin)(struct exchange *exchange);
    /* A turn begins: set `awaited_count`, renew what may not be said twice in `batch`. */
    void (*turn)(struct exchange *exchange);
    /* What one whole reply at the beginning of `bytes` takes; 0: it is not whole yet. */
    size_t (*take)(struct exchange *exchange, struct bytes bytes);
};

extern const struct protocol redis_protocol, nats_protocol;
extern const struct protocol mqtt_protocol, mqtt_twice_protocol; /* QoS 1, QoS 2 */
extern const struct protocol etcd_protocol;

/* End the program with a sentence. */
_Noreturn void protocol_give_up(const char *what, const char *why);

void protocol_send(int fd, struct bytes bytes);

/* Wait for `size` bytes. */
void protocol_receive(int fd, void *ret, size_t size);

#endif
