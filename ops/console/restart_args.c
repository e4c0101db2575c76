/* --restart; see the header. */
#include "ops/console/restart_args.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int take_retries(const char *text, uint32_t *ret, struct error *err)
{
    char *end = NULL;
    unsigned long retries = strtoul(text, &end, 10);

    if (!isdigit((unsigned char)*text) || *end != '\0' || retries > UINT32_MAX)
        return error_set(err, -EINVAL, "--restart on-failure:%s: give a number", text);
    *ret = (uint32_t)retries;
    return 0;
}

int restart_args_take(const char *text, struct arena *arena, char **ret_policy,
                      uint32_t *ret_retries, struct error *err)
{
    static const char *const policies[] = { "no", "on-failure", "always", "unless-stopped" };
    char *retries = arena_text(arena, text);
    char *policy = retries != NULL ? strsep(&retries, ":") : NULL;
    bool is_known = false;

    if (policy == NULL || *policy == '\0')
        return 0;
    for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++)
        is_known |= strcmp(policy, policies[i]) == 0;
    if (!is_known)
        return error_set(err, -EINVAL, "\"%s\" is not a valid restart policy", policy);
    if (retries != NULL && strcmp(policy, "on-failure") != 0)
        return error_set(err, -EINVAL, "restart policy \"%s\" takes no number of retries", policy);
    *ret_policy = policy;
    return retries != NULL ? take_retries(retries, ret_retries, err) : 0;
}
