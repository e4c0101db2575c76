/* A broker's log and a worker's journal that do not belong together; see the header. */
#include "worker/estrangement.h"

#include "common/mem.h"

char *estrangement_find(const char *host, const struct journal_state *state,
                        const struct welcome *welcome)
{
    bool has_worked =
        !command_id_is_zero(state->log) && (state->acked_seq > 0 || state->cursor > 0);

    if (has_worked && !command_id_equal(state->log, welcome->log))
        return mem_text("the broker has another log than before: give it its log back, or begin "
                        "with an empty state directory here");
    if (welcome->commands_head < state->cursor)
        return mem_text("the broker's log went back: it ends at command %llu, and command %llu was "
                        "carried out here; restore a newer copy of the log",
                        (unsigned long long)welcome->commands_head,
                        (unsigned long long)state->cursor);
    if (welcome->journal_seq > state->last_seq)
        return mem_text("this journal went back: it ends at event %llu, and the broker has %llu of "
                        "this host; restore a newer copy of the state directory",
                        (unsigned long long)state->last_seq,
                        (unsigned long long)welcome->journal_seq);
    if (welcome->journal_seq == 0 && state->first_seq > 1)
        return mem_text("another worker has taken over the host %s since, and the broker has "
                        "forgotten this journal: give that worker's state directory, or begin with "
                        "an empty one and gantry-broker --accept-journal %s",
                        host, host);
    if (welcome->journal_seq + 1 < state->first_seq)
        return mem_text("the broker's log went back: it has events up to %llu of this host, and "
                        "those before %llu are no longer kept here; restore a newer copy of the "
                        "log",
                        (unsigned long long)welcome->journal_seq,
                        (unsigned long long)state->first_seq);
    return NULL;
}
