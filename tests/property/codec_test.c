/*
 * Random messages of every schema: what was encoded is decoded to the same message, in msgpack and
 * in JSON, and no change of a byte does harm. GANTRY_SEED picks other messages.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "schemas/codec.h"
#include "schemas/pack.h"
#include "schemas/record.h"
#include "schemas/registry.h"

#define ROUNDS        40 /* for each schema */
#define CHANGES       40 /* for each message */
#define ITEMS_MAX     3
#define TEXT_SIZE_MAX 40
#define SEED          20260101

struct chance {
    uint64_t state;
    struct arena arena;
};

static void fill(struct chance *chance, const struct schema *schema, void *message);

static uint64_t seed(void)
{
    const char *text = getenv("GANTRY_SEED");
    uint64_t chosen = text != NULL ? strtoull(text, NULL, 10) : SEED;

    print_message("GANTRY_SEED=%llu\n", (unsigned long long)chosen);
    return chosen | 1;
}

/* xorshift64* */
static uint64_t draw(struct chance *chance)
{
    chance->state ^= chance->state >> 12;
    chance->state ^= chance->state << 25;
    chance->state ^= chance->state >> 27;
    return chance->state * 2685821657736338717ULL;
}

static size_t draw_below(struct chance *chance, size_t limit)
{
    return (size_t)(draw(chance) >> 16) % limit;
}

/* Every width of the wire is as likely as the others. */
static uint64_t draw_number(struct chance *chance, unsigned bits)
{
    unsigned width = (unsigned)draw_below(chance, bits + 1);

    return width == 0 ? 0 : draw(chance) >> (64 - width);
}

static char *draw_text(struct chance *chance)
{
    static const char *const characters[] = {
        "a",
        "Z",
        "0",
        "/",
        "\"",
        "\\",
        "\n",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbd",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    size_t count = draw_below(chance, TEXT_SIZE_MAX);
    struct buffer text = { 0 };
    char *copy;

    for (size_t i = 0; i < count; i++) {
        size_t which = draw_below(chance, sizeof(characters) / sizeof(*characters));

        buffer_append(&text, characters[which], strlen(characters[which]));
    }
    copy = arena_text_n(&chance->arena, (const char *)text.data, text.size);
    buffer_done(&text);
    return copy;
}

static struct bytes draw_bytes(struct chance *chance, size_t size)
{
    uint8_t *data = arena_zeroed(&chance->arena, size);

    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)draw(chance);
    return (struct bytes){ .data = data, .size = size };
}

/* A message of the schema; without one some value that JSON can say as well. */
static struct bytes draw_raw(struct chance *chance, const struct schema *of)
{
    struct buffer wire = { 0 };
    struct bytes copy;

    if (of != NULL) {
        void *message = arena_zeroed(&chance->arena, of->size);

        fill(chance, of, message);
        schema_encode(of, message, &wire);
    } else {
        pack_map(&wire, 1);
        pack_text(&wire, bytes_of_text(draw_text(chance)));
        pack_array(&wire, 2);
        pack_signed(&wire, (int64_t)draw_number(chance, 64));
        pack_nil(&wire);
    }
    copy = (struct bytes){
        .data = (uint8_t *)arena_text_n(&chance->arena, (const char *)wire.data, wire.size),
        .size = wire.size,
    };
    buffer_done(&wire);
    return copy;
}

static const char *draw_type(struct chance *chance)
{
    const struct registry_entry *entry;

    do {
        entry = &registry[draw_below(chance, registry_count)];
    } while (entry->use != MESSAGE_COMMAND && entry->use != MESSAGE_EVENT);
    return entry->schema->name;
}

static void fill_list(struct chance *chance, const struct field *field, void *member)
{
    size_t count = draw_below(chance, ITEMS_MAX + 1);

    if (field->type == FIELD_TYPE_TEXTS) {
        char **items = arena_zeroed(&chance->arena, count * sizeof(*items));

        *(struct text_list *)member = (struct text_list){ items, count };
        for (size_t i = 0; i < count; i++)
            items[i] = draw_text(chance);
    } else if (field->type == FIELD_TYPE_TEXT_MAP) {
        struct text_pair *items = arena_zeroed(&chance->arena, count * sizeof(*items));

        *(struct text_map *)member = (struct text_map){ items, count };
        for (size_t i = 0; i < count; i++) {
            items[i].key = arena_printf(&chance->arena, "%zu%s", i, draw_text(chance));
            items[i].value = draw_text(chance);
        }
    } else if (field->type == FIELD_TYPE_RAWS) {
        struct raw *items = arena_zeroed(&chance->arena, count * sizeof(*items));

        *(struct raw_list *)member = (struct raw_list){ items, count };
        for (size_t i = 0; i < count; i++)
            items[i].bytes = draw_raw(chance, field->of);
    } else {
        char *items = arena_zeroed(&chance->arena, count * field->of->size);

        *(struct message_list *)member = (struct message_list){ items, count };
        for (size_t i = 0; i < count; i++)
            fill(chance, field->of, items + i * field->of->size);
    }
}

static void fill_field(struct chance *chance, const struct field *field, const struct schema *of,
                       void *member)
{
    switch (field->type) {
    case FIELD_TYPE_BOOL:
        *(bool *)member = draw_below(chance, 2) == 1;
        return;
    case FIELD_TYPE_U32:
    case FIELD_TYPE_I32:
        *(uint32_t *)member = (uint32_t)draw_number(chance, 32);
        return;
    case FIELD_TYPE_U64:
    case FIELD_TYPE_I64:
        *(uint64_t *)member = draw_number(chance, 64);
        return;
    case FIELD_TYPE_MAYBE_U32:
        *(struct maybe_u32 *)member = (struct maybe_u32){ true, (uint32_t)draw_number(chance, 32) };
        return;
    case FIELD_TYPE_MAYBE_I64:
        *(struct maybe_i64 *)member = (struct maybe_i64){ true, (int64_t)draw_number(chance, 64) };
        return;
    case FIELD_TYPE_TEXT:
        *(char **)member = draw_text(chance);
        return;
    case FIELD_TYPE_BYTES:
        *(struct bytes *)member = draw_bytes(chance, draw_below(chance, 300));
        return;
    case FIELD_TYPE_ID:
        memcpy(member, draw_bytes(chance, COMMAND_ID_SIZE).data, COMMAND_ID_SIZE);
        return;
    case FIELD_TYPE_RAW:
        ((struct raw *)member)->bytes = draw_raw(chance, of);
        return;
    case FIELD_TYPE_MESSAGE:
        *(void **)member = arena_zeroed(&chance->arena, field->of->size);
        fill(chance, field->of, *(void **)member);
        return;
    case FIELD_TYPE_TEXTS:
    case FIELD_TYPE_TEXT_MAP:
    case FIELD_TYPE_RAWS:
    case FIELD_TYPE_MESSAGES:
        fill_list(chance, field, member);
        return;
    case FIELD_TYPE_NONE:
        break;
    }
    fail_msg("a field of no type: %s", field->key);
}

/* Required fields always, the others every second time. */
static void fill(struct chance *chance, const struct schema *schema, void *message)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        void *member = (char *)message + field->offset;

        if (schema == &record_schema && strcmp(field->key, "type") == 0)
            *(char **)member = arena_text(&chance->arena, draw_type(chance));
        else if (field->is_required || draw_below(chance, 2) == 1)
            fill_field(chance, field, registry_part(schema, field, message), member);
    }
}

typedef void check_fn(struct chance *chance, const struct schema *schema, struct bytes wire);

static void with_random_messages(check_fn *check)
{
    struct chance chance = { .state = seed() };

    for (size_t i = 0; i < registry_count * ROUNDS; i++) {
        const struct schema *schema = registry[i % registry_count].schema;
        void *message = arena_zeroed(&chance.arena, schema->size);
        struct buffer wire = { 0 };

        fill(&chance, schema, message);
        schema_encode(schema, message, &wire);
        check(&chance, schema, buffer_bytes(&wire));
        buffer_done(&wire);
        arena_done(&chance.arena);
    }
}

static void assert_encodes(const struct schema *schema, const void *message, struct bytes wanted)
{
    struct buffer wire = { 0 };

    schema_encode(schema, message, &wire);
    if (!bytes_equal(buffer_bytes(&wire), wanted))
        fail_msg("%s came back otherwise", schema->name);
    buffer_done(&wire);
}

static void check_wire(struct chance *chance, const struct schema *schema, struct bytes wire)
{
    void *message = arena_zeroed(&chance->arena, schema->size);
    struct error err = { 0 };

    if (schema_decode(schema, wire, message, &chance->arena, &err) < 0)
        fail_msg("%s", err.text);
    assert_encodes(schema, message, wire);
}

static void what_is_decoded_encodes_to_the_same_bytes(void **unused)
{
    (void)unused;
    with_random_messages(check_wire);
}

static void check_json(struct chance *chance, const struct schema *schema, struct bytes wire)
{
    void *message = arena_zeroed(&chance->arena, schema->size);
    void *back = arena_zeroed(&chance->arena, schema->size);
    autofree char *json = NULL;
    struct error err = { 0 };

    assert_int_equal(schema_decode(schema, wire, message, &chance->arena, NULL), 0);
    json = schema_json(schema, message);
    if (schema_from_json(schema, json, back, &chance->arena, &err) < 0)
        fail_msg("%s in %s", err.text, json);
    assert_encodes(schema, back, wire);
}

static void json_says_the_same(void **unused)
{
    (void)unused;
    with_random_messages(check_json);
}

/* A changed message is refused, or it is a message that can be encoded, decoded and shown. */
static void check_change(struct chance *chance, const struct schema *schema, struct bytes wire)
{
    uint8_t *data = arena_zeroed(&chance->arena, wire.size);
    void *message = arena_zeroed(&chance->arena, schema->size);
    autofree char *json = NULL;
    struct buffer again = { 0 };
    struct bytes changed = { .data = data, .size = wire.size };

    memcpy(data, wire.data, wire.size);
    data[draw_below(chance, wire.size)] = (uint8_t)draw(chance);
    if (schema_decode(schema, changed, message, &chance->arena, NULL) < 0)
        return;
    json = schema_json(schema, message);
    schema_encode(schema, message, &again);
    check_wire(chance, schema, buffer_bytes(&again));
    buffer_done(&again);
}

static void check_changes(struct chance *chance, const struct schema *schema, struct bytes wire)
{
    for (unsigned i = 0; i < CHANGES; i++)
        check_change(chance, schema, wire);
}

static void no_changed_byte_does_harm(void **unused)
{
    (void)unused;
    with_random_messages(check_changes);
}

static void check_cuts(struct chance *chance, const struct schema *schema, struct bytes wire)
{
    void *message = arena_zeroed(&chance->arena, schema->size);
    struct bytes cut = { .data = wire.data, .size = 1 + draw_below(chance, wire.size) };

    if (cut.size < wire.size)
        assert_int_equal(schema_decode(schema, cut, message, &chance->arena, NULL), -EBADMSG);
}

static void a_cut_message_is_refused(void **unused)
{
    (void)unused;
    with_random_messages(check_cuts);
}

/* A copy, then another message over it, each with nothing of what it was copied from. */
static void check_copy(struct chance *chance, const struct schema *schema, struct bytes wire)
{
    autoarena own = { 0 };
    autoarena lent = { 0 };
    void *copy = arena_zeroed(&own, schema->size);
    void *message = arena_zeroed(&chance->arena, schema->size);
    struct buffer other = { 0 };

    assert_int_equal(schema_decode(schema, wire, message, &lent, NULL), 0);
    schema_copy(schema, message, copy, &own);
    arena_done(&lent);
    assert_encodes(schema, copy, wire);

    memset(message, 0, schema->size);
    fill(chance, schema, message);
    schema_encode(schema, message, &other);
    schema_copy(schema, message, copy, &own);
    arena_done(&chance->arena);
    assert_encodes(schema, copy, buffer_bytes(&other));
    buffer_done(&other);
}

static void a_copy_says_the_same_and_stands_alone(void **unused)
{
    (void)unused;
    with_random_messages(check_copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_decoded_encodes_to_the_same_bytes),
        cmocka_unit_test(a_copy_says_the_same_and_stands_alone),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(no_changed_byte_does_harm),
        cmocka_unit_test(a_cut_message_is_refused),
    };

    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
