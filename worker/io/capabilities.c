/* Capabilities by name; see the header. */
#include "worker/io/capabilities.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

/* In the kernel's order: the index is the number. */
static const char *const names[CAPABILITY_COUNT] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static const char *const default_names[] = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
    "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",    "CAP_SETGID",
    "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT",
};

#define BIT(number) (UINT64_C(1) << (number))

const char *capability_name(unsigned number)
{
    return names[number];
}

/* "NET_ADMIN", "CAP_NET_ADMIN", in any case. */
static int parse_capability(const char *name, uint64_t *ret, struct error *err)
{
    const char *stem = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

    for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
        if (strcasecmp(stem, names[i] + 4) == 0) {
            *ret = BIT(i);
            return 0;
        }
    }
    return error_set(err, -EINVAL, "no capability is called \"%s\"", name);
}

/* All that this kernel knows and that the worker itself may hand on. */
static uint64_t all_capabilities(void)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
            all |= BIT(i);
    }
    return all;
}

static uint64_t default_capabilities(void)
{
    uint64_t defaults = 0;
    uint64_t bit = 0;

    for (size_t i = 0; i < sizeof(default_names) / sizeof(*default_names); i++) {
        if (parse_capability(default_names[i], &bit, NULL) >= 0)
            defaults |= bit;
    }
    return defaults;
}

/* The bits of a list; `ret_has_all` when it says "ALL". */
static int parse_list(const struct text_list *list, uint64_t *ret, bool *ret_has_all,
                      struct error *err)
{
    uint64_t bits = 0;
    bool has_all = false;

    for (size_t i = 0; i < list->count; i++) {
        uint64_t bit = 0;
        int r;

        if (strcasecmp(list->items[i], "ALL") == 0) {
            has_all = true;
            continue;
        }
        r = parse_capability(list->items[i], &bit, err);
        if (r < 0)
            return r;
        bits |= bit;
    }
    *ret = bits;
    *ret_has_all = has_all;
    return 0;
}

int capabilities_choose(const struct container_config *config, uint64_t *ret_bounding,
                        uint64_t *ret_ambient, struct error *err)
{
    uint64_t added = 0;
    uint64_t dropped = 0;
    uint64_t base = default_capabilities();
    bool adds_all = false;
    bool drops_all = false;
    int r = parse_list(&config->cap_add, &added, &adds_all, err);

    if (r >= 0)
        r = parse_list(&config->cap_drop, &dropped, &drops_all, err);
    if (r < 0)
        return r;

    if (drops_all)
        base = 0;
    if (adds_all || config->privileged)
        base = all_capabilities();
    *ret_bounding = (base | added) & ~dropped;
    *ret_ambient = (adds_all ? base | added : added) & ~dropped;
    return 0;
}
