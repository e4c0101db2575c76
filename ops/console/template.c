/* The templates that --format takes; see the header. */
#include "ops/console/template.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/auto.h"
#include "ops/console/expression.h"
#include "ops/console/tree.h"

#define PIECES_MAX 1024
#define DEPTH_MAX  16

enum piece_kind {
    PIECE_TEXT,
    PIECE_VALUE,
    PIECE_IF,
    PIECE_RANGE,
    PIECE_WITH,
    PIECE_ELSE,
    PIECE_END
};

struct piece {
    enum piece_kind kind;
    const char *text; /* the text, or the expression; of else: that of its "if", or "" */
};

struct template
{
    struct piece pieces[PIECES_MAX];
    size_t count;
};

struct renderer {
    const struct template *template;
    size_t at; /* the next piece */
    struct buffer *out;
};

static int render_block(struct renderer *renderer, struct json_t *dot, bool is_shown,
                        struct error *err);

/* "\t" and "\n", two characters each, become one. */
static char *with_escapes(const char *text, struct arena *arena)
{
    char *copy = arena_text(arena, text);
    char *to = copy;

    for (const char *from = text; *from != '\0'; from++) {
        if (from[0] == '\\' && (from[1] == 't' || from[1] == 'n')) {
            from++;
            *to++ = *from == 't' ? '\t' : '\n';
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return copy;
}

/* `word` at the beginning of an action: what is behind it, or NULL. */
static const char *behind_word(const char *action, const char *word)
{
    size_t size = strlen(word);

    if (strncmp(action, word, size) != 0 || isalnum((unsigned char)action[size]))
        return NULL;
    for (action += size; isspace((unsigned char)*action); action++)
        continue;
    return action;
}

static struct piece piece_of_action(const char *action)
{
    static const struct {
        const char *word;
        enum piece_kind kind;
    } words[] = {
        { "if", PIECE_IF },     { "range", PIECE_RANGE }, { "with", PIECE_WITH },
        { "else", PIECE_ELSE }, { "end", PIECE_END },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const char *rest = behind_word(action, words[i].word);

        if (rest == NULL)
            continue;
        /* {{else if E}} is the next branch of the same block. */
        if (words[i].kind == PIECE_ELSE && behind_word(rest, "if") != NULL)
            rest = behind_word(rest, "if");
        return (struct piece){ .kind = words[i].kind, .text = rest };
    }
    return (struct piece){ .kind = PIECE_VALUE, .text = action };
}

static int add_piece(struct template *template, struct piece piece, struct error *err)
{
    if (template->count == PIECES_MAX)
        return error_set(err, -E2BIG, "template: more than %d parts", PIECES_MAX);
    template->pieces[template->count++] = piece;
    return 0;
}

static char *trimmed_text(const char *text, size_t size, struct arena *arena)
{
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    while (size > 0 && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    return arena_text_n(arena, text, size);
}

static size_t size_without_spaces_at_end(const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    return size;
}

/* "{{- " takes away the spaces before it. */
static bool trims_before(const char *open)
{
    return open[2] == '-' && isspace((unsigned char)open[3]);
}

/* Where the action that begins at `text` ends: at its }}, which may also stand in a quote. */
static const char *action_end(const char *text)
{
    char quote = '\0';

    for (; *text != '\0'; text++) {
        if (quote == '\0' && text[0] == '}' && text[1] == '}')
            return text;
        if (quote == '"' && text[0] == '\\' && text[1] != '\0')
            text++;
        else if (quote != '\0' && *text == quote)
            quote = '\0';
        else if (quote == '\0' && (*text == '"' || *text == '`'))
            quote = *text;
    }
    return NULL;
}

/* The text before the action that begins at `open`, or all of it. */
static int parse_text(struct template *template, const char *text, const char *open,
                      struct arena *arena, struct error *err)
{
    size_t size = open != NULL ? (size_t)(open - text) : strlen(text);

    if (open != NULL && trims_before(open))
        size = size_without_spaces_at_end(text, size);
    if (size == 0)
        return 0;
    return add_piece(template, (struct piece){ PIECE_TEXT, arena_text_n(arena, text, size) }, err);
}

/* The action that begins at `open`; what is left is at *ret_rest. */
static int parse_action(struct template *template, const char *open, const char **ret_rest,
                        struct arena *arena, struct error *err)
{
    const char *action = open + (trims_before(open) ? 3 : 2);
    const char *close = action_end(action);
    size_t size;

    if (close == NULL)
        return error_set(err, -EINVAL, "template: unclosed action");
    size = (size_t)(close - action);
    *ret_rest = close + 2;
    if (size > 1 && close[-1] == '-' && isspace((unsigned char)close[-2])) {
        size--;
        *ret_rest += strspn(*ret_rest, " \t\n\v\f\r");
    }
    action = trimmed_text(action, size, arena);
    return strncmp(action, "/*", 2) == 0 ? 0 : add_piece(template, piece_of_action(action), err);
}

/* Every block has its end, and no end is without a block. */
static int check_blocks(const struct template *template, struct error *err)
{
    unsigned depth = 0;

    for (size_t i = 0; i < template->count; i++) {
        enum piece_kind kind = template->pieces[i].kind;

        if (kind == PIECE_IF || kind == PIECE_RANGE || kind == PIECE_WITH)
            depth++;
        if ((kind == PIECE_END || kind == PIECE_ELSE) && depth == 0)
            return error_set(err, -EINVAL, "template: unexpected {{%s}}",
                             kind == PIECE_END ? "end" : "else");
        if (kind == PIECE_END)
            depth--;
        if (depth > DEPTH_MAX)
            return error_set(err, -EINVAL, "template: blocks are nested too deeply");
    }
    return depth == 0 ? 0 : error_set(err, -EINVAL, "template: unexpected EOF, {{end}} is missing");
}

int template_parse(const char *text, struct arena *arena, struct template **ret, struct error *err)
{
    struct template *template = arena_zeroed(arena, sizeof(*template));
    const char *at = with_escapes(text, arena);
    int r;

    while (at != NULL) {
        const char *open = strstr(at, "{{");

        r = parse_text(template, at, open, arena, err);
        at = NULL;
        if (r == 0 && open != NULL)
            r = parse_action(template, open, &at, arena, err);
        if (r < 0)
            return r;
    }
    r = check_blocks(template, err);
    if (r < 0)
        return r;
    *ret = template;
    return 0;
}

static int evaluate(const char *expression, struct json_t *dot, struct json_t **ret,
                    struct error *err)
{
    int r = expression_evaluate(expression, dot, ret, err);

    return r < 0 ? error_add_context(err, r, "template: {{%s}}", expression) : 0;
}

static int render_value(struct renderer *renderer, const char *expression, struct json_t *dot,
                        struct error *err)
{
    autotree *value = NULL;
    autofree char *text = NULL;
    int r = evaluate(expression, dot, &value, err);

    if (r < 0)
        return r;
    text = tree_plain(value);
    buffer_append(renderer->out, text, strlen(text));
    return 0;
}

static enum piece_kind kind_at(const struct renderer *renderer)
{
    return renderer->template->pieces[renderer->at].kind;
}

/* Render the body as often as the list has items, and the else part when it has none. */
static int render_range(struct renderer *renderer, struct json_t *list, bool is_shown,
                        struct error *err)
{
    size_t body = renderer->at;
    size_t count = is_shown ? tree_length(list) : 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        renderer->at = body;
        r = render_block(renderer, tree_at(list, i, NULL), true, err);
    }
    if (r == 0 && count == 0)
        r = render_block(renderer, NULL, false, err);
    return r;
}

/* One branch of an if, with or range, whose piece was just passed. */
static int render_branch(struct renderer *renderer, const struct piece *piece, struct json_t *dot,
                         bool *is_done, struct error *err)
{
    autotree *value = NULL;
    bool is_taken = !*is_done;
    int r = 0;

    if (is_taken && *piece->text != '\0') {
        r = evaluate(piece->text, dot, &value, err);
        is_taken = tree_is_true(value);
    }
    if (r < 0)
        return r;
    *is_done |= is_taken;
    if (piece->kind == PIECE_RANGE)
        return render_range(renderer, value, is_taken, err);
    return render_block(renderer, piece->kind == PIECE_WITH ? value : dot, is_taken, err);
}

/* All branches, up to and including the end. */
static int render_branches(struct renderer *renderer, const struct piece *piece, struct json_t *dot,
                           bool is_shown, struct error *err)
{
    bool is_done = !is_shown; /* a branch was shown, or none may be */

    while (piece->kind != PIECE_END) {
        int r = render_branch(renderer, piece, dot, &is_done, err);

        if (r < 0)
            return r;
        piece = &renderer->template->pieces[renderer->at++];
    }
    return 0;
}

/* Render up to the else or end that is not of a block within. */
static int render_block(struct renderer *renderer, struct json_t *dot, bool is_shown,
                        struct error *err)
{
    const struct template *template = renderer->template;

    while (renderer->at < template->count && kind_at(renderer) != PIECE_END &&
           kind_at(renderer) != PIECE_ELSE) {
        const struct piece *piece = &template->pieces[renderer->at++];
        int r = 0;

        if (piece->kind == PIECE_TEXT && is_shown)
            buffer_append(renderer->out, piece->text, strlen(piece->text));
        else if (piece->kind == PIECE_VALUE && is_shown)
            r = render_value(renderer, piece->text, dot, err);
        else if (piece->kind != PIECE_TEXT && piece->kind != PIECE_VALUE)
            r = render_branches(renderer, piece, dot, is_shown, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int template_render(const struct template *template, struct json_t *dot, struct buffer *ret,
                    struct error *err)
{
    struct renderer renderer = { .template = template, .out = ret };

    return render_block(&renderer, dot, true, err);
}

/* ".Field" and nothing else. */
static bool is_field(const char *expression)
{
    if (expression[0] != '.' || expression[1] == '\0')
        return false;
    for (const char *at = expression + 1; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at))
            return false;
    }
    return true;
}

bool template_is_plain(const struct template *template)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];

        if (piece->kind != PIECE_TEXT && (piece->kind != PIECE_VALUE || !is_field(piece->text)))
            return false;
    }
    return true;
}

bool template_part(const struct template *template, size_t i, struct template_part *ret)
{
    const struct piece *piece = &template->pieces[i];

    if (i >= template->count)
        return false;
    *ret = (struct template_part){
        .text = piece->kind == PIECE_TEXT ? piece->text : NULL,
        .field = piece->kind == PIECE_TEXT ? NULL : piece->text + 1,
    };
    return true;
}
