/* msgpack-c writing into our buffers; see the header. */
#include "schemas/pack.h"

#include <msgpack.h>

#include "schemas/utf8.h"

static int append(void *buffer, const char *data, size_t size)
{
    buffer_append(buffer, data, size);
    return 0;
}

static msgpack_packer packer_of(struct buffer *ret)
{
    return (msgpack_packer){ .data = ret, .callback = append };
}

void pack_nil(struct buffer *ret)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_nil(&packer);
}

void pack_bool(struct buffer *ret, bool truth)
{
    msgpack_packer packer = packer_of(ret);

    (void)(truth ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void pack_unsigned(struct buffer *ret, uint64_t number)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_uint64(&packer, number);
}

void pack_signed(struct buffer *ret, int64_t number)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_int64(&packer, number);
}

void pack_real(struct buffer *ret, double real)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_double(&packer, real);
}

void pack_bytes(struct buffer *ret, struct bytes bytes)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_bin_with_body(&packer, bytes.data, bytes.size);
}

void pack_key(struct buffer *ret, struct bytes text)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_str_with_body(&packer, text.data, text.size);
}

void pack_text(struct buffer *ret, struct bytes text)
{
    struct buffer repaired = { 0 };

    if (utf8_valid_size(text) == text.size) {
        pack_key(ret, text);
        return;
    }
    utf8_repair(text, &repaired);
    pack_key(ret, buffer_bytes(&repaired));
    buffer_done(&repaired);
}

void pack_array(struct buffer *ret, size_t count)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_array(&packer, count);
}

void pack_map(struct buffer *ret, size_t count)
{
    msgpack_packer packer = packer_of(ret);

    (void)msgpack_pack_map(&packer, count);
}
