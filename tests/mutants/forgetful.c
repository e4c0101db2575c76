/*
 * A broker that does not know a command again: said twice, it is written twice.
 *
 * The linker puts this function in place of the admission's (--wrap). The checker must find the
 * doubled commands.
 */
#include "broker/core/admission.h"

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*) */
int __real_admission_check(const struct view *view, const struct record *command,
                           const struct admission_context *context, struct admission *ret,
                           struct error *err);
int __wrap_admission_check(const struct view *view, const struct record *command,
                           const struct admission_context *context, struct admission *ret,
                           struct error *err);

int __wrap_admission_check(const struct view *view, const struct record *command,
                           const struct admission_context *context, struct admission *ret,
                           struct error *err)
{
    int r = __real_admission_check(view, command, context, ret, err);

    if (r == 0 && ret->result == ADMISSION_DUPLICATE && ret->refusal.failure == FAILURE_NONE)
        *ret = (struct admission){ .result = ADMISSION_ACCEPT };
    return r;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*) */
