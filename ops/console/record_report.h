/*
 * A record of the log as `events` and `history` show it. Pure.
 */
#ifndef GANTRY_OPS_CONSOLE_RECORD_REPORT_H
#define GANTRY_OPS_CONSOLE_RECORD_REPORT_H

#include "common/arena.h"
#include "schemas/record.h"

struct json_t;

/* podman's word for what a record says: "create", "start", "died"; for others the type's own,
 * "hello" of host.hello. Borrowed from tables or from the record. */
const char *record_report_status(const struct record *record);

/*
 * The fields of `events --format`, and its JSON: ID, Name, Status, Type, Time, TimeNano, Host, Run,
 * Pos, Record, Actor, Cause, ContainerExitCode (of died), Details (the body). `name` may be NULL.
 */
struct json_t *record_report_fields(const struct record *record, const char *name,
                                    struct arena *arena);

/* "2026-11-29 16:00:00.123456789 +0000 UTC container died <id> (host=a, name=b, exitCode=0)";
 * in `arena`. */
char *record_report_line(const struct record *record, const char *name, struct arena *arena);

/* "exit code 137, out of memory": what the body says, for people; "" when nothing. */
char *record_report_details(const struct record *record, struct arena *arena);

#endif
