/* Facts that are known already; see the header. */
#include "worker/io/known_facts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/io/log.h"
#include "schemas/codec.h"

#define FACTS_MAX 65536 /* bytes */

static bool has_its_runtimes(const struct host_facts *facts)
{
    const struct runtime_fact *runtimes = facts->runtimes.items;

    for (size_t i = 0; i < facts->runtimes.count; i++) {
        if (runtimes[i].works && (runtimes[i].path == NULL || access(runtimes[i].path, X_OK) < 0))
            return false;
    }
    return true;
}

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

bool known_facts_read(const struct layout *layout, const char *boot_id, struct arena *arena,
                      struct host_facts *ret)
{
    autofree char *path = layout_facts(layout);
    autofree char *text = NULL;
    struct host_facts facts;
    struct bytes wire = { 0 };

    if (*boot_id == '\0' || files_read(AT_FDCWD, path, FACTS_MAX, &text, &wire.size, NULL) < 0)
        return false;
    wire.data = (const uint8_t *)text;
    if (schema_decode(&host_facts_schema, wire, &facts, arena, NULL) < 0 ||
        !is_text(facts.boot_id, boot_id) || !is_text(facts.version, GANTRY_VERSION) ||
        !has_its_runtimes(&facts))
        return false;
    *ret = facts;
    return true;
}

void known_facts_write(const char *path, const struct host_facts *facts)
{
    struct buffer wire = { 0 };
    struct error err = { 0 };

    schema_encode(&host_facts_schema, facts, &wire);
    if (files_replace(AT_FDCWD, path, buffer_bytes(&wire), 0600, 0, &err) < 0)
        log_failure("probe.not_kept", &err);
    buffer_done(&wire);
}
