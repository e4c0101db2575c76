/* --expires; see the header. */
#include "ops/console/expires_args.h"

#include <errno.h>
#include <stddef.h>

#include "common/quantity.h"

int expires_args_take(const char *text, uint64_t now_ns, uint64_t *ret, struct error *err)
{
    uint64_t duration_ns = 0;
    int r;

    *ret = 0;
    if (text == NULL)
        return 0;
    r = quantity_parse_duration(text, &duration_ns, err);
    if (r == 0 && (duration_ns == 0 || duration_ns > UINT64_MAX - now_ns))
        r = error_set(err, -EINVAL, "'%s' is no time to wait: give 30s, 5m or 1h", text);
    if (r < 0)
        return error_add_context(err, r, "--expires");
    *ret = now_ns + duration_ns;
    return 0;
}
