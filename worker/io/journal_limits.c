/* How much a journal holds; see the header. */
#include "worker/io/journal_limits.h"

bool journal_limits_let_go(const struct journal_limits *limits, const struct journal_kept *kept,
                           const struct journal_told *told)
{
    if (kept->first_seq > told->acked_seq)
        return false;
    return told->acked_seq - kept->first_seq >= limits->kept_events ||
           told->acked_total > kept->first_total + limits->kept_bytes ||
           told->now_ns > kept->first_happened + limits->kept_ns;
}
