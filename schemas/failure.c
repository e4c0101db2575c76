/* Why a command was not carried out; see the header. */
#include "schemas/failure.h"

#include <string.h>

static const char *const names[FAILURE_COUNT] = {
    [FAILURE_NONE] = "none",
    [FAILURE_INTERNAL] = "internal",
    [FAILURE_INVALID_ARGUMENT] = "invalid-argument",
    [FAILURE_DENIED] = "denied",
    [FAILURE_UNSUPPORTED] = "unsupported",
    [FAILURE_BUSY] = "busy",
    [FAILURE_NO_HOST] = "no-host",
    [FAILURE_NO_CONTAINER] = "no-container",
    [FAILURE_CONTAINER_EXISTS] = "container-exists",
    [FAILURE_STATE_IMPROPER] = "state-improper",
    [FAILURE_ALREADY_STOPPED] = "already-stopped",
    [FAILURE_NO_CGROUPS] = "no-cgroups",
    [FAILURE_RUNTIME] = "runtime",
    [FAILURE_PERMISSION_DENIED] = "permission-denied",
    [FAILURE_NOT_FOUND] = "not-found",
    [FAILURE_NO_RUNTIME] = "no-runtime",
    [FAILURE_ROOTFS] = "rootfs",
    [FAILURE_EXPIRED] = "expired",
    [FAILURE_TOO_OLD] = "too-old",
    [FAILURE_FENCED] = "fenced",
    [FAILURE_WRONG_JOURNAL] = "wrong-journal",
    [FAILURE_NO_STREAM] = "no-stream",
    [FAILURE_TRIMMED] = "trimmed",
    [FAILURE_DISK] = "disk",
    [FAILURE_DEPENDENCY] = "dependency",
    [FAILURE_DEPENDANTS] = "dependants",
    [FAILURE_NO_IMAGE] = "no-image",
    [FAILURE_IMAGE_IN_USE] = "image-in-use",
    [FAILURE_REGISTRY] = "registry",
    [FAILURE_NO_VOLUME] = "no-volume",
    [FAILURE_VOLUME_EXISTS] = "volume-exists",
    [FAILURE_VOLUME_IN_USE] = "volume-in-use",
    [FAILURE_STORAGE] = "storage",
    [FAILURE_CANCELLED] = "cancelled",
    [FAILURE_NO_COMMAND] = "no-command",
    [FAILURE_HOST_LOST] = "host-lost",
    [FAILURE_HOST_TAKEN] = "host-taken",
    [FAILURE_JOURNAL_COPIED] = "journal-copied",
};

const char *failure_name(enum failure failure)
{
    return names[failure];
}

enum failure failure_parse(const char *name)
{
    for (unsigned i = 0; i < FAILURE_COUNT; i++) {
        if (name != NULL && strcmp(names[i], name) == 0)
            return (enum failure)i;
    }
    return FAILURE_INTERNAL;
}
