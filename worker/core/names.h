/*
 * Who is called what on this host: each name has one holder, which is called so, is being created
 * so, or waits to be renamed so.
 *
 * Starts as { 0 }, ends with names_done(). Owner: the ledger.
 */
#ifndef GANTRY_WORKER_CORE_NAMES_H
#define GANTRY_WORKER_CORE_NAMES_H

struct name;
struct unit;

struct names {
    struct name *by_text;
};

/* Hold the name for `holder` (again, if it does already). The text is borrowed until the name is
 * released; NULL when another holds it. */
const char *names_hold(struct names *names, const char *text, struct unit *holder);

/* NULL: the name is free. */
struct unit *names_holder(const struct names *names, const char *text);

/* Nothing happens unless `holder` holds it. */
void names_release(struct names *names, const char *text, const struct unit *holder);

void names_done(struct names *names);

#endif
