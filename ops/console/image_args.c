/* Words about images; see the header. */
#include "ops/console/image_args.h"

#include <errno.h>
#include <string.h>

#include "ops/console/args.h"
#include "ops/console/tree.h"

/* As podman: what is no list of texts is one word, also when it begins with a bracket. */
static bool take_json(const char *text, struct arena *arena, struct text_list *ret)
{
    autotree *tree = NULL;

    if (*text != '[' || tree_parse(text, &tree, NULL) < 0 || !tree_is_list(tree))
        return false;
    for (size_t i = 0; i < tree_length(tree); i++) {
        if (tree_text(tree_at(tree, i, NULL)) == NULL)
            return false;
    }
    for (size_t i = 0; i < tree_length(tree); i++)
        args_list_add(ret, tree_text(tree_at(tree, i, NULL)), arena);
    return true;
}

void entrypoint_args_take(const char *text, struct arena *arena, struct text_list *ret)
{
    struct text_list words = { 0 };

    if (*text != '\0' && !take_json(text, arena, &words))
        args_list_add(&words, text, arena);
    *ret = words;
}

int registry_args_tls(const char *text, bool *ret_is_unverified, struct error *err)
{
    if (text != NULL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return error_set(err, -EINVAL, "--tls-verify %s: true or false", text);
    *ret_is_unverified = text != NULL && strcmp(text, "false") == 0;
    return 0;
}
