/* The limit of open descriptors; see the header. */
#include "common/io/descriptors.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

static struct rlimit before;
static bool is_raised;

void descriptors_raise(void)
{
    struct rlimit limit;

    if (is_raised || getrlimit(RLIMIT_NOFILE, &before) < 0)
        return;
    limit = before;
    limit.rlim_cur = limit.rlim_max;
    is_raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void descriptors_restore(pid_t pid)
{
    if (is_raised)
        (void)prlimit(pid, RLIMIT_NOFILE, &before, NULL);
}
