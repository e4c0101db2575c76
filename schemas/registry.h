/*
 * Every message by its name on the wire, with what it is for: the one list that golden bytes, the
 * fuzz targets, the JSON rendering and the check of asyncapi.yaml go through.
 */
#ifndef GANTRY_SCHEMAS_REGISTRY_H
#define GANTRY_SCHEMAS_REGISTRY_H

#include "schemas/schema.h"

enum message_use {
    MESSAGE_REQUEST = 1, /* to the broker */
    MESSAGE_REPLY,       /* of the broker */
    MESSAGE_FEED,        /* on the PUB socket */
    MESSAGE_COMMAND,     /* body of a command's record */
    MESSAGE_EVENT,       /* body of an event's record */
    MESSAGE_PART,        /* nested in others: a record, a row, a configuration */
};

struct registry_entry {
    enum message_use use;
    const struct schema *schema;
};

extern const struct registry_entry registry[];
extern const size_t registry_count;

/* NULL when no message of that use is called so. */
const struct schema *registry_find(enum message_use use, const char *name);

/* The schema of a record's body by the record's type; NULL when it is not known here. */
const struct schema *registry_body(const char *type);

/* The schema of what the field of this message holds: the table's, for a record's body by the
 * record's type; NULL when there is none, or none that is known here. */
const struct schema *registry_part(const struct schema *schema, const struct field *field,
                                   const void *message);

#endif
