/* The network files of a container; see the header. */
#include "worker/io/network_files.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Name servers that a container in its own network can reach when the host's own cannot. */
static const char public_name_servers[] = "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
                                          "nameserver 2001:4860:4860::8888\n"
                                          "nameserver 2001:4860:4860::8844\n";

static const char own_hosts[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

const char *network_hostname(const struct container_config *config, const char *id,
                             char buffer[HOSTNAME_DEFAULT_SIZE])
{
    if (config->hostname != NULL)
        return config->hostname;
    (void)snprintf(buffer, HOSTNAME_DEFAULT_SIZE, "%s", id);
    return buffer;
}

bool network_is_host(const struct container_config *config)
{
    return config->network != NULL && strcmp(config->network, "host") == 0;
}

static void append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

/* A copied file may lack its last newline. */
static void append_file(struct buffer *buffer, const char *text)
{
    append_text(buffer, text);
    if (buffer->size > 0 && buffer->data[buffer->size - 1] != '\n')
        append_text(buffer, "\n");
}

static bool is_one_word(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!isgraph((unsigned char)text[i]))
            return false;
    }
    return size > 0;
}

static int append_added_host(const char *line, struct buffer *ret, struct error *err)
{
    const char *colon = strchr(line, ':');

    if (colon == NULL || !is_one_word(line, (size_t)(colon - line)) ||
        !is_one_word(colon + 1, strlen(colon + 1)))
        return error_set(err, -EINVAL, "\"%s\" is not name:ip", line);
    append_text(ret, colon + 1);
    append_text(ret, "\t");
    buffer_append(ret, line, (size_t)(colon - line));
    append_text(ret, "\n");
    return 0;
}

int network_write_hosts(const struct container_config *config, const char *hostname,
                        const char *host_hosts, struct buffer *ret, struct error *err)
{
    append_file(ret, network_is_host(config) ? host_hosts : own_hosts);
    for (size_t i = 0; i < config->hosts_add.count; i++) {
        int r = append_added_host(config->hosts_add.items[i], ret, err);

        if (r < 0)
            return r;
    }
    append_text(ret, "127.0.0.1\t");
    append_text(ret, hostname);
    append_text(ret, "\n");
    return 0;
}

/* Does the line [begin, end) start with the keyword? `ret_value` is what stands behind it. */
static bool is_keyword_line(const char *begin, const char *end, const char *keyword,
                            const char **ret_value)
{
    size_t size = strlen(keyword);

    if ((size_t)(end - begin) <= size || strncmp(begin, keyword, size) != 0 ||
        !isblank((unsigned char)begin[size]))
        return false;
    begin += size;
    while (begin < end && isblank((unsigned char)*begin))
        begin++;
    *ret_value = begin;
    return true;
}

/* The lines of one keyword, in their order; loopback name servers are left out. Returns how
 * many there were. */
static unsigned append_keyword_lines(const char *text, const char *keyword, struct buffer *ret)
{
    unsigned count = 0;

    while (*text != '\0') {
        const char *end = strchrnul(text, '\n');
        const char *value = NULL;

        if (is_keyword_line(text, end, keyword, &value) && strncmp(value, "127.", 4) != 0 &&
            strncmp(value, "::1", 3) != 0) {
            append_text(ret, keyword);
            append_text(ret, " ");
            buffer_append(ret, value, (size_t)(end - value));
            append_text(ret, "\n");
            count++;
        }
        text = *end == '\0' ? end : end + 1;
    }
    return count;
}

void network_write_resolv(const struct container_config *config, const char *host_resolv,
                          struct buffer *ret)
{
    if (network_is_host(config)) {
        append_file(ret, host_resolv);
        return;
    }
    (void)append_keyword_lines(host_resolv, "search", ret);
    if (append_keyword_lines(host_resolv, "nameserver", ret) == 0)
        append_text(ret, public_name_servers);
    (void)append_keyword_lines(host_resolv, "options", ret);
}
