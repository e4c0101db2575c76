/* User namespaces in options; see the header. */
#include "ops/console/userns_args.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/id_map.h"

static int take_map(const char *option, const struct text_list *words, struct arena *arena,
                    struct text_list *ret, struct error *err)
{
    for (size_t i = 0; i < words->count; i++) {
        struct id_range range;
        int r = id_range_parse(words->items[i], &range, err);

        if (r < 0)
            return error_add_context(err, r, "--%s", option);
        args_list_add(
            ret, arena_printf(arena, "%u:%u:%u", range.inside, range.outside, range.count), arena);
    }
    return 0;
}

static int check_mode(const char *mode, bool has_maps, struct error *err)
{
    if (mode == NULL)
        return 0;
    if (strcmp(mode, "host") == 0 || *mode == '\0')
        return has_maps ? error_set(err, -EINVAL,
                                    "--userns host: there are no maps then: leave out --uidmap and "
                                    "--gidmap, or say --userns private")
                        : 0;
    if (strcmp(mode, "private") == 0)
        return has_maps ? 0
                        : error_set(err, -EINVAL,
                                    "--userns private: which ids of the host? Give --uidmap or "
                                    "--gidmap, as in --uidmap 0:100000:65536");
    if (strncmp(mode, "auto", 4) == 0)
        return error_set(err, -EOPNOTSUPP,
                         "--userns %s: no ranges are handed out here: choose one, as in --uidmap "
                         "0:100000:65536",
                         mode);
    return error_set(err, -EOPNOTSUPP, "--userns %s is not supported: one of private|host", mode);
}

int userns_args_take(const struct run_options *options, struct arena *arena,
                     struct container_config *ret, struct error *err)
{
    const struct text_list *uids = &options->uid_map;
    const struct text_list *gids = &options->gid_map;
    int r = check_mode(options->userns, uids->count + gids->count > 0, err);

    if (r == 0)
        r = take_map(uids->count > 0 ? "uidmap" : "gidmap", uids->count > 0 ? uids : gids, arena,
                     &ret->uid_map, err);
    if (r == 0)
        r = take_map(gids->count > 0 ? "gidmap" : "uidmap", gids->count > 0 ? gids : uids, arena,
                     &ret->gid_map, err);
    return r;
}
