/*
 * Why a command or a request was not carried out: the codes on the wire, for programs. The
 * sentence beside them is for people. They follow podman's error kinds (BEHAVIOUR 1.4).
 */
#ifndef GANTRY_SCHEMAS_FAILURE_H
#define GANTRY_SCHEMAS_FAILURE_H

enum failure {
    FAILURE_NONE = 0,
    FAILURE_INTERNAL,          /* a fault of Gantry's */
    FAILURE_INVALID_ARGUMENT,  /* what was asked makes no sense */
    FAILURE_DENIED,            /* the role may not do this */
    FAILURE_UNSUPPORTED,       /* no such message, type or version here */
    FAILURE_BUSY,              /* ask again later */
    FAILURE_NO_HOST,           /* no host is called so */
    FAILURE_NO_CONTAINER,      /* no such container */
    FAILURE_CONTAINER_EXISTS,  /* the id or the name is taken */
    FAILURE_STATE_IMPROPER,    /* the container's state does not allow it */
    FAILURE_ALREADY_STOPPED,   /* stop of what does not run */
    FAILURE_NO_CGROUPS,        /* needs cgroups that are not there */
    FAILURE_RUNTIME,           /* the OCI runtime said no */
    FAILURE_PERMISSION_DENIED, /* the OCI runtime: permission denied; podman's exit code 126 */
    FAILURE_NOT_FOUND,         /* the OCI runtime: no such executable; podman's exit code 127 */
    FAILURE_NO_RUNTIME,        /* no OCI runtime works on this host */
    FAILURE_ROOTFS,            /* the root filesystem is not usable */
    FAILURE_EXPIRED,           /* the deadline had passed before it began */
    FAILURE_TOO_OLD,           /* the client's sequence is long forgotten */
    FAILURE_FENCED,            /* a newer incarnation of this worker has spoken */
    FAILURE_WRONG_JOURNAL,     /* another journal under this host's name */
    FAILURE_NO_STREAM,         /* no such stream, or it has ended */
    FAILURE_TRIMMED,           /* the records asked for are no longer kept */
    FAILURE_DISK,              /* no space, or the disk fails */
    FAILURE_DEPENDENCY,        /* a container that it requires does not run, or is not there */
    FAILURE_DEPENDANTS,        /* other containers require it */
    FAILURE_NO_IMAGE,          /* the host has no such image */
    FAILURE_IMAGE_IN_USE,      /* containers are made from it */
    FAILURE_REGISTRY,          /* the image could not be pulled */
    FAILURE_NO_VOLUME,         /* the host has no such volume */
    FAILURE_VOLUME_EXISTS,     /* the name is taken */
    FAILURE_VOLUME_IN_USE,     /* containers use it */
    FAILURE_STORAGE,           /* a mount, a layer or a copy failed */
    FAILURE_CANCELLED,         /* by another command, before it began */
    FAILURE_NO_COMMAND,        /* no such command, or it has ended */
    FAILURE_HOST_LOST,         /* the operator has given the host up */
    FAILURE_HOST_TAKEN,        /* a worker speaks for the host now */
    FAILURE_JOURNAL_COPIED,    /* another worker goes on with a copy of this journal */
    FAILURE_COUNT,
};

/* "state-improper"; "none" for FAILURE_NONE. */
const char *failure_name(enum failure failure);

/* FAILURE_INTERNAL for a name that is not known (a newer peer's). */
enum failure failure_parse(const char *name);

#endif
