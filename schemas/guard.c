/* The check before every decoder; see codec.h. Constant memory, one pass, whatever comes. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "schemas/codec.h"
#include "schemas/wire.h"

/* The arrays and maps around the value that is read next. */
struct nesting {
    uint64_t left[MESSAGE_DEPTH_MAX + 1]; /* values still to come at each depth */
    unsigned depth;
    unsigned depth_max;
    uint64_t pending; /* the sum of `left` */
};

static int enter(struct nesting *nesting, uint64_t children, const struct wire *wire,
                 struct error *err)
{
    if (nesting->depth == nesting->depth_max)
        return error_set(err, -EBADMSG, "nested deeper than %u", nesting->depth_max);
    nesting->pending += children;
    /* Each value takes a byte at least: whoever claims more than that lies. */
    if (nesting->pending > wire_left(wire))
        return error_set(err, -EBADMSG, "claims %llu values where %zu bytes follow",
                         (unsigned long long)nesting->pending, wire_left(wire));
    nesting->left[++nesting->depth] = children;
    return 0;
}

static int guard_value(struct nesting *nesting, struct wire *wire, struct error *err)
{
    struct wire_value value;

    while (nesting->left[nesting->depth] == 0)
        nesting->depth--;
    if (wire_read(wire, &value) < 0)
        return error_set(err, -EBADMSG, "cut off, or no msgpack");
    nesting->left[nesting->depth]--;
    nesting->pending--;
    if (value.kind != WIRE_ARRAY && value.kind != WIRE_MAP)
        return 0;
    return enter(nesting, wire_children(&value), wire, err);
}

int wire_guard_within(struct bytes bytes, unsigned depth_max, struct error *err)
{
    struct wire wire = wire_over(bytes);
    struct nesting nesting = { .left = { 1 }, .depth_max = depth_max, .pending = 1 };

    assert(depth_max <= MESSAGE_DEPTH_MAX);
    while (nesting.pending > 0) {
        int r = guard_value(&nesting, &wire, err);

        if (r < 0)
            return error_add_context(err, r, "byte %zu", (size_t)(wire.at - bytes.data));
    }
    if (wire_left(&wire) > 0)
        return error_set(err, -EBADMSG, "%zu bytes after its end", wire_left(&wire));
    return 0;
}

int wire_guard(struct bytes wire, struct error *err)
{
    return wire_guard_within(wire, MESSAGE_DEPTH_MAX, err);
}
