/* Paths below the worker's two directories; see the header. */
#include "worker/io/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void run_name_write(const char *id, uint32_t run, char ret[RUN_NAME_SIZE])
{
    (void)snprintf(ret, RUN_NAME_SIZE, "%s-%" PRIu32, id, run);
}

bool run_name_parse(const char *name, char ret_id[CONTAINER_ID_SIZE + 1], uint32_t *ret_run)
{
    char id[CONTAINER_ID_SIZE + 1] = { 0 };
    char written[RUN_NAME_SIZE];
    unsigned long run;

    if (strlen(name) < CONTAINER_ID_SIZE + 2 || name[CONTAINER_ID_SIZE] != '-')
        return false;
    memcpy(id, name, CONTAINER_ID_SIZE);
    errno = 0;
    run = strtoul(name + CONTAINER_ID_SIZE + 1, NULL, 10);
    if (errno != 0 || run > UINT32_MAX || !container_id_is_valid(id))
        return false;

    run_name_write(id, (uint32_t)run, written);
    if (strcmp(written, name) != 0)
        return false;
    memcpy(ret_id, id, sizeof(id));
    *ret_run = (uint32_t)run;
    return true;
}

void layout_init(struct layout *layout, const char *state, const char *run)
{
    layout->state = mem_dup_text(state);
    layout->run = mem_dup_text(run);
}

void layout_done(struct layout *layout)
{
    free(layout->state);
    free(layout->run);
    *layout = (struct layout){ 0 };
}

char *layout_bundle(const struct layout *layout, const char *id)
{
    return mem_text("%s/containers/%s", layout->state, id);
}

char *layout_persist(const struct layout *layout, const char *id, uint32_t run)
{
    return mem_text("%s/containers/%s/exits/%" PRIu32, layout->state, id, run);
}

char *layout_volatile(const struct layout *layout, const char *id)
{
    return mem_text("%s/containers/%s", layout->run, id);
}

char *layout_exits(const struct layout *layout)
{
    return mem_text("%s/exits", layout->run);
}

char *layout_runtime_root(const struct layout *layout)
{
    return mem_text("%s/runtime", layout->run);
}

char *layout_runtime_state(const struct layout *layout, const char *id, uint32_t run)
{
    char name[RUN_NAME_SIZE];

    run_name_write(id, run, name);
    return mem_text("%s/runtime/%s", layout->run, name);
}

char *layout_storage(const struct layout *layout)
{
    return mem_text("%s/storage", layout->state);
}

char *layout_facts(const struct layout *layout)
{
    return mem_text("%s/facts", layout->run);
}

char *layout_probe(const struct layout *layout)
{
    return mem_text("%s/probe", layout->run);
}

char *layout_layer_links(const struct layout *layout)
{
    return mem_text("%s/storage/l", layout->state);
}

char *layout_rootfs(const struct layout *layout, const char *id)
{
    return mem_text("%s/containers/%s/rootfs", layout->run, id);
}

char *layout_rootfs_holders(const struct layout *layout, const char *id)
{
    return mem_text("%s/containers/%s/mounts", layout->run, id);
}

char *layout_mapped_mounts(const struct layout *layout, const char *id)
{
    return mem_text("%s/containers/%s/mapped", layout->run, id);
}

char *layout_volume(const struct layout *layout, const char *name)
{
    return mem_text("%s/volumes/%s", layout->state, name);
}

char *layout_volume_data(const struct layout *layout, const char *name)
{
    return mem_text("%s/volumes/%s/_data", layout->state, name);
}

char *layout_volume_users(const struct layout *layout, const char *name)
{
    return mem_text("%s/volumes/%s/users", layout->run, name);
}
