/* Files of a run; see the header. */
#include "worker/io/run_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/id_scope.h"
#include "worker/io/network_files.h"
#include "worker/io/rootfs.h"

#define HOST_FILE_MAX (1024 * 1024) /* bytes of the host's hosts or resolv.conf */

/* What the host says, or nothing. */
static char *read_host_file(const char *path)
{
    char *text = NULL;
    size_t size;

    if (files_read(AT_FDCWD, path, HOST_FILE_MAX, &text, &size, NULL) < 0)
        return mem_dup_text("");
    return text;
}

static int write_text(const char *path, struct bytes text, struct error *err)
{
    return files_replace(AT_FDCWD, path, text, 0644, 0, err);
}

static int write_hosts(const struct container_config *config, const char *hostname,
                       const char *path, struct error *err)
{
    autofree char *host_hosts = read_host_file("/etc/hosts");
    struct buffer text = { 0 };
    int r = network_write_hosts(config, hostname, host_hosts, &text, err);

    if (r >= 0)
        r = write_text(path, buffer_bytes(&text), err);
    buffer_done(&text);
    return r;
}

static int write_resolv_conf(const struct container_config *config, const char *path,
                             struct error *err)
{
    autofree char *host_resolv = read_host_file("/etc/resolv.conf");
    struct buffer text = { 0 };
    int r;

    network_write_resolv(config, host_resolv, &text);
    r = write_text(path, buffer_bytes(&text), err);
    buffer_done(&text);
    return r;
}

/* A root filesystem without /etc gets none of them: nothing is made in what is not ours. */
static int write_network_files(const struct run_files_request *request, struct run_files *ret,
                               struct error *err)
{
    const struct container_config *config = request->config;
    autofree char *directory = layout_volatile(request->layout, request->id);
    char buffer[HOSTNAME_DEFAULT_SIZE];
    const char *hostname = network_hostname(config, request->id, buffer);
    autofree char *line = mem_text("%s\n", hostname);
    bool has_network = config->network == NULL || strcmp(config->network, "none") != 0;
    int r;

    if (!rootfs_has_directory(request->root_fd, "/etc"))
        return 0;
    ret->hostname = mem_text("%s/hostname", directory);
    r = write_text(ret->hostname, bytes_of_text(line), err);
    if (r >= 0 && !config->no_hosts) {
        ret->hosts = mem_text("%s/hosts", directory);
        r = write_hosts(config, hostname, ret->hosts, err);
    }
    if (r >= 0 && has_network) {
        ret->resolv_conf = mem_text("%s/resolv.conf", directory);
        r = write_resolv_conf(config, ret->resolv_conf, err);
    }
    return r;
}

/* A directory of the host's gets nothing but what it always got. */
static int write_own_files(const struct run_files_request *request, struct own_files *ret,
                           struct error *err)
{
    autofree char *directory = layout_volatile(request->layout, request->id);
    const struct own_files_request own = {
        .root_fd = request->root_fd,
        .config = request->config,
        .user = request->user,
        .directory = directory,
        .is_root_ours = true,
    };

    return request->config->rootfs != NULL ? 0 : own_files_write(&own, ret, err);
}

/* They are the container's root's (BEHAVIOUR BM-9). */
int run_files_write(const struct run_files_request *request, struct run_files *ret,
                    struct error *err)
{
    autoscope struct id_scope scope = { 0 };
    int r = id_scope_enter(&scope, request->users, err);

    if (r >= 0)
        r = write_network_files(request, ret, err);
    return r < 0 ? r : write_own_files(request, &ret->own, err);
}

void run_files_done(struct run_files *files)
{
    free(files->hosts);
    free(files->resolv_conf);
    free(files->hostname);
    own_files_done(&files->own);
}
