/* Go's templates, as far as they are here. */
#include "ops/console/template.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "ops/console/tree.h"

static const char document[] =
    "{\"ID\": \"c0ffee\", \"Pid\": 12, \"Exited\": false, \"Nothing\": null, \"Empty\": \"\","
    " \"Names\": [\"a\", \"b\"], \"State\": {\"Status\": \"running\", \"Deep\": {\"X\": 1}},"
    " \"Labels\": {\"z\": \"26\", \"app\": \"web\"},"
    " \"Mounts\": [{\"Source\": \"/s\"}, {\"Source\": \"/t\"}], \"None\": []}";

static int render(const char *text, char **ret, struct arena *arena, struct error *err)
{
    autotree *tree = NULL;
    struct template *template = NULL;
    struct buffer out = { 0 };
    int r;

    assert_int_equal(tree_parse(document, &tree, NULL), 0);
    r = template_parse(text, arena, &template, err);
    if (r == 0)
        r = template_render(template, tree, &out, err);
    *ret = arena_text_n(arena, (const char *)out.data, out.size);
    buffer_done(&out);
    return r;
}

static void assert_renders(const char *text, const char *expected)
{
    autoarena arena = { 0 };
    struct error err = { 0 };
    char *out = NULL;

    if (render(text, &out, &arena, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(out, expected);
}

static void assert_fails(const char *text, const char *expected)
{
    autoarena arena = { 0 };
    struct error err = { 0 };
    char *out = NULL;

    assert_true(render(text, &out, &arena, &err) < 0);
    assert_string_equal(err.text, expected);
}

static bool is_plain(const char *text)
{
    autoarena arena = { 0 };
    struct template *template = NULL;

    assert_int_equal(template_parse(text, &arena, &template, NULL), 0);
    return template_is_plain(template);
}

static void a_plain_template_is_texts_and_fields(void **state)
{
    autoarena arena = { 0 };
    struct template *template = NULL;
    struct template_part part;

    (void)state;
    assert_true(is_plain("{{.ID}}\\t{{ .Names }} x"));
    assert_false(is_plain("{{.}}"));
    assert_false(is_plain("{{json .Names}}"));
    assert_false(is_plain("{{.State.Status}}"));
    assert_false(is_plain("{{if .Exited}}x{{end}}"));
    assert_int_equal(template_parse("{{.ID}} and", &arena, &template, NULL), 0);
    assert_true(template_part(template, 0, &part));
    assert_string_equal(part.field, "ID");
    assert_null(part.text);
    assert_true(template_part(template, 1, &part));
    assert_string_equal(part.text, " and");
    assert_null(part.field);
    assert_false(template_part(template, 2, &part));
}

static void fields_are_put_into_the_text(void **state)
{
    (void)state;
    assert_renders("", "");
    assert_renders("plain } text", "plain } text");
    assert_renders("{{.ID}}", "c0ffee");
    assert_renders("<{{ .ID }}|{{.Pid}}>", "<c0ffee|12>");
    assert_renders("{{.State.Status}} {{.State.Deep.X}}", "running 1");
    assert_renders("{{.Exited}} {{.Names}} {{.Labels}}", "false [a b] map[app:web z:26]");
    assert_renders("{{/* nothing */}}x", "x");
}

static void escapes_of_the_shell_word_are_real(void **state)
{
    (void)state;
    assert_renders("{{.ID}}\\t{{.Pid}}\\n", "c0ffee\t12\n");
}

static void functions_take_arguments_and_pipes(void **state)
{
    (void)state;
    assert_renders("{{json .Names}}", "[\"a\", \"b\"]");
    assert_renders("{{.State | json}}", "{\"Status\": \"running\", \"Deep\": {\"X\": 1}}");
    assert_renders("{{index .Labels \"app\"}} {{index .Names 1}}", "web b");
    assert_renders("{{len .Names}} {{len .ID}} {{len .Labels}}", "2 6 2");
    assert_renders("{{upper .ID}} {{.State.Status | title}}", "C0FFEE Running");
    assert_renders("{{join .Names \", \"}}", "a, b");
    assert_renders("{{index (split \"x-y\" \"-\") 1}}", "y");
    assert_renders("{{println .ID .Pid}}", "c0ffee 12\n");
    assert_renders("{{print `a\"b` \"c\"}}\"}}", "a\"bc\"}}");
    assert_renders("{{(index .Mounts 0).Source}}", "/s");
}

static void branches_follow_what_is_true(void **state)
{
    (void)state;
    assert_renders("{{if .ID}}yes{{else}}no{{end}}", "yes");
    assert_renders("{{if .Empty}}yes{{else}}no{{end}}", "no");
    assert_renders("{{if .Exited}}1{{else if eq .Pid 12}}2{{else}}3{{end}}", "2");
    assert_renders("{{if and .ID (not .Exited)}}up{{end}}", "up");
    assert_renders("{{if or .Nothing .None}}x{{end}}", "");
    assert_renders("{{if ne .ID \"x\"}}a{{end}}{{if eq .Pid 1 12}}b{{end}}", "ab");
    assert_renders("{{with .State}}{{.Status}}{{end}}", "running");
    assert_renders("{{if .Empty}}{{range .Names}}{{if .}}x{{end}}{{end}}{{end}}z", "z");
}

static void ranges_repeat_their_body(void **state)
{
    (void)state;
    assert_renders("{{range .Mounts}}{{.Source}};{{end}}", "/s;/t;");
    assert_renders("{{range .Names}}<{{.}}>{{end}}", "<a><b>");
    assert_renders("{{range .None}}x{{else}}none{{end}}", "none");
    assert_renders("{{range .Mounts}}{{range .Source}}{{end}}{{if .Source}}y{{end}}{{end}}", "yy");
}

static void dashes_trim_spaces(void **state)
{
    (void)state;
    assert_renders("a  {{- .Pid -}}  b", "a12b");
    assert_renders("a {{.Pid -}} b", "a 12b");
}

static void a_key_that_is_not_there_has_no_value(void **state)
{
    (void)state;
    assert_renders("{{.Labels.missing}}", "<nil>");
    assert_renders("{{index .Labels \"missing\"}}.", ".");
}

static void mistakes_are_named(void **state)
{
    (void)state;
    assert_fails("{{.Foo}}", "template: {{.Foo}}: can't evaluate field Foo");
    assert_fails("{{.State.Foo}}", "template: {{.State.Foo}}: can't evaluate field Foo");
    assert_fails("{{.ID", "template: unclosed action");
    assert_fails("{{if .ID}}", "template: unexpected EOF, {{end}} is missing");
    assert_fails("{{end}}", "template: unexpected {{end}}");
    assert_fails("{{else}}", "template: unexpected {{else}}");
    assert_fails("{{foo .ID}}", "template: {{foo .ID}}: function \"foo\" not defined");
    assert_fails("{{}}", "template: {{}}: missing value for command");
    assert_fails("{{.ID .Pid}}", "template: {{.ID .Pid}}: can't give argument to non-function");
    assert_fails("{{index .Names 7}}", "template: {{index .Names 7}}: index out of range: 7");
    assert_fails("{{join .Names}}", "template: {{join .Names}}: not enough arguments for join");
    assert_fails("{{(.ID}}", "template: {{(.ID}}: unclosed left paren");
    assert_fails("{{.ID)}}", "template: {{.ID)}}: unexpected \")\"");
    assert_fails("{{len .Pid}}", "template: {{len .Pid}}: len of what has no length");
}

static void deep_nesting_is_refused(void **state)
{
    char blocks[40 * 10 + 1] = "";
    char parentheses[64] = "{{";

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        strcat(blocks, "{{if .ID}}");
    for (unsigned i = 0; i < 20; i++)
        strcat(blocks, "{{end}}");
    for (unsigned i = 0; i < 20; i++)
        strcat(parentheses, "(");
    strcat(parentheses, "}}");
    assert_fails(blocks, "template: blocks are nested too deeply");
    assert_fails(parentheses,
                 "template: {{((((((((((((((((((((}}: parentheses are nested too deeply");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_template_is_texts_and_fields),
        cmocka_unit_test(fields_are_put_into_the_text),
        cmocka_unit_test(escapes_of_the_shell_word_are_real),
        cmocka_unit_test(functions_take_arguments_and_pipes),
        cmocka_unit_test(branches_follow_what_is_true),
        cmocka_unit_test(ranges_repeat_their_body),
        cmocka_unit_test(dashes_trim_spaces),
        cmocka_unit_test(a_key_that_is_not_there_has_no_value),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(deep_nesting_is_refused),
    };

    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
