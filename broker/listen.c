/* Where the broker listens; see the header. */
#include "broker/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"

#define TCP_PREFIX  "tcp://"
#define UNIX_PREFIX "unix://"
#define TLS_PREFIX  "tls+tcp://"

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Of "tcp://HOST:PORT": whether only this machine reaches HOST. */
static bool is_loopback(const char *url)
{
    const char *host = url + strlen(TCP_PREFIX);

    return begins_with(host, "127.") || begins_with(host, "localhost:") ||
           begins_with(host, "[::1]:");
}

static int check(const struct listen_options *options, const char *url, struct error *err)
{
    if (begins_with(url, TCP_PREFIX) && !is_loopback(url) && !options->is_insecure)
        return error_set(err, -EPERM,
                         "listen on %s: whoever reaches it would be an admin; use tls+tcp, or say "
                         "--insecure",
                         url);
    if (begins_with(url, TLS_PREFIX) && options->tls == NULL)
        return error_set(err, -EINVAL,
                         "listen on %s: it needs --tls-certificate, --tls-key and --tls-authority",
                         url);
    return 0;
}

/* /run is empty after a boot: make the socket's directory. */
static int make_directory(const char *url, struct error *err)
{
    autofree char *path = NULL;
    char *end;

    if (!begins_with(url, UNIX_PREFIX))
        return 0;
    path = mem_dup_text(url + strlen(UNIX_PREFIX));
    end = strrchr(path, '/');
    if (end == NULL || end == path)
        return 0;
    *end = '\0';
    return files_make_directories(path, 0755, err);
}

static int prepare(const struct listen_options *options, const char *url, struct error *err)
{
    int r;

    r = check(options, url, err);
    if (r < 0)
        return r;
    return make_directory(url, err);
}

int listen_start(struct sp_server *server, const struct listen_options *options, struct error *err)
{
    int r;

    for (size_t i = 0; i < options->url_count; i++) {
        r = prepare(options, options->urls[i], err);
        if (r < 0)
            return r;
        r = sp_listen(server, options->urls[i], options->tls, err);
        if (r < 0)
            return r;
    }
    if (options->feed_url == NULL)
        return 0;
    r = prepare(options, options->feed_url, err);
    if (r < 0)
        return r;
    return sp_listen_feed(server, options->feed_url, options->tls, err);
}

/* " key=URL", with the port that was got in the place of the one that was asked for. */
static void print_one(struct buffer *text, const char *key, const char *url, uint16_t port)
{
    const char *colon = strrchr(url, ':');
    autofree char *printed = NULL;

    if (begins_with(url, UNIX_PREFIX) || colon == NULL)
        printed = mem_text("%s%s=%s", text->size > 0 ? " " : "", key, url);
    else
        printed = mem_text("%s%s=%.*s:%u", text->size > 0 ? " " : "", key, (int)(colon - url), url,
                           (unsigned)port);
    buffer_append(text, printed, strlen(printed));
}

char *listen_print(const struct sp_server *server, const struct listen_options *options)
{
    struct buffer text = { 0 };
    unsigned i = 0;

    for (; i < options->url_count; i++)
        print_one(&text, "listen", options->urls[i], sp_port(server, i));
    if (options->feed_url != NULL)
        print_one(&text, "feed", options->feed_url, sp_port(server, i));
    buffer_append(&text, "", 1);
    return (char *)text.data;
}
