/* UTF-8 of the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/utf8.h"

static void assert_valid_size(const char *text, size_t valid_size)
{
    assert_int_equal(utf8_valid_size(bytes_of_text(text)), valid_size);
}

static void every_length_of_character_is_valid(void **unused)
{
    static const char *const texts[] = {
        "",
        "plain text of more than eight bytes",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_valid_size(texts[i], strlen(texts[i]));
}

static void wrong_forms_end_the_valid_part(void **unused)
{
    static const char *const wrong[] = {
        "\x80", /* no character begins so */
        "\xc0\x80",
        "\xc1\xbf", /* overlong */
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",
        "\xed\xbf\xbf", /* surrogates */
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff", /* beyond U+10FFFF */
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x98", /* cut off */
        "\xc3z",
        "\xe2\x82z",
        "\xf0\x9f\x98z",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char text[32] = "twelve bytes";

        assert_valid_size(wrong[i], 0);
        assert_valid_size(strcat(text, wrong[i]), strlen("twelve bytes"));
    }
}

static void repair_replaces_each_stray_byte(void **unused)
{
    struct buffer text = { 0 };

    (void)unused;
    utf8_repair(bytes_of_text("\xffgr\xc3\xbc\xc3\xe2\x82n"), &text);
    buffer_append(&text, "", 1);
    assert_string_equal((char *)text.data,
                        "\xef\xbf\xbdgr\xc3\xbc\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdn");
    buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_of_character_is_valid),
        cmocka_unit_test(wrong_forms_end_the_valid_part),
        cmocka_unit_test(repair_replaces_each_stray_byte),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
