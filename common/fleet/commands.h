/*
 * The part of the fold that is about commands and their authors: what was asked for, how it ended,
 * and each client's high-water mark. For fleet_apply() only.
 */
#ifndef GANTRY_COMMON_FLEET_COMMANDS_H
#define GANTRY_COMMON_FLEET_COMMANDS_H

#include "common/fleet/fleet.h"

/* A command was admitted: it is pending now. -EPROTO for one that was there before. */
int commands_ask(const struct view *view, const struct record *command, struct error *err);

/*
 * command.done, .failed, .refused, .expired: the end of the command `record->cause`. A refusal at
 * the broker's door is the first word of its command: it makes the row. -EPROTO for the end of a
 * command that is not pending, or by another host than the one it was for.
 */
int commands_end(const struct view *view, const struct record *record, struct error *err);

/* An event that a recovery tells, of a command or not: if it is the first word of how a command
 * ended, that is kept. */
int commands_end_past(const struct view *view, const struct record *record, struct error *err);

/* command.recovered: it is pending, with what it holds. */
int commands_recovered(const struct view *view, const struct record *record, struct error *err);

#endif
