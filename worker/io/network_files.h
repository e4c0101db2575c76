/*
 * The texts of /etc/hosts, /etc/resolv.conf and /etc/hostname that a container sees (BEHAVIOUR
 * BM-5, BM-6, BM-8). Pure: the host's own files are arguments.
 */
#ifndef GANTRY_WORKER_IO_NETWORK_FILES_H
#define GANTRY_WORKER_IO_NETWORK_FILES_H

#include "common/bytes.h"
#include "common/error.h"
#include "schemas/container_config.h"

/* The container's hostname: its configuration's, else the first 12 digits of its id. Points into
 * `config` or into `buffer`. */
#define HOSTNAME_DEFAULT_SIZE 13
const char *network_hostname(const struct container_config *config, const char *id,
                             char buffer[HOSTNAME_DEFAULT_SIZE]);

/* The container lives in the host's network. */
bool network_is_host(const struct container_config *config);

/* Append /etc/hosts. `host_hosts` is the host's own, used when its network is. -EINVAL for a line
 * of hosts_add that is not "name:ip". */
int network_write_hosts(const struct container_config *config, const char *hostname,
                        const char *host_hosts, struct buffer *ret, struct error *err);

/* Append /etc/resolv.conf, from the host's. */
void network_write_resolv(const struct container_config *config, const char *host_resolv,
                          struct buffer *ret);

#endif
