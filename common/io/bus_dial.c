/* Where a socket of nng dials; see the header. */
#include "common/io/bus_dial.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>
#include <string.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define RECONNECT_MIN_MS 100
#define RECONNECT_MAX_MS 5000
#define RECEIVE_MAX      (2 * (size_t)MESSAGE_SIZE_MAX)
#define PEM_SIZE_MAX     ((size_t)1024 * 1024)

struct bus_dial {
    char *url;           /* in nng's spelling */
    nng_tls_config *tls; /* NULL: plain */
};

int bus_dial_errno(int nng_result)
{
    switch (nng_result) {
    case NNG_EADDRINVAL:
    case NNG_EINVAL:
    case NNG_ENOTSUP:
        return -EINVAL;
    case NNG_ENOMEM:
        return -ENOMEM;
    case NNG_ENOFILES:
        return -EMFILE;
    default:
        return -EIO;
    }
}

static int read_pem(const char *path, char **ret, struct error *err)
{
    size_t size;
    int r;

    r = files_read(AT_FDCWD, path, PEM_SIZE_MAX, ret, &size, err);
    assert(r < 0 || *ret != NULL);
    return r;
}

static int use_authority(nng_tls_config *config, const char *path, struct error *err)
{
    autofree char *authority = NULL;
    int r;

    r = read_pem(path, &authority, err);
    if (r < 0)
        return r;
    r = nng_tls_config_ca_chain(config, authority, NULL);
    return r == 0 ? 0 : error_set(err, -EINVAL, "%s: %s", path, nng_strerror(r));
}

static int use_certificate(nng_tls_config *config, const struct bus_tls *tls, struct error *err)
{
    autofree char *certificate = NULL;
    autofree char *key = NULL;
    int r;

    if (tls->certificate == NULL || tls->key == NULL)
        return error_set(err, -EINVAL, "TLS needs a certificate and its key");
    r = read_pem(tls->certificate, &certificate, err);
    if (r < 0)
        return r;
    r = read_pem(tls->key, &key, err);
    if (r < 0)
        return r;
    r = nng_tls_config_own_cert(config, certificate, key, NULL);
    explicit_bzero(key, strlen(key));
    return r == 0 ? 0 : error_set(err, -EINVAL, "%s: %s", tls->certificate, nng_strerror(r));
}

static int make_tls(const struct bus_tls *tls, const char *host, nng_tls_config **ret,
                    struct error *err)
{
    const char *name = tls != NULL && tls->server_name != NULL ? tls->server_name : host;
    nng_tls_config *config;
    int r;

    if (tls == NULL || tls->authority == NULL)
        return error_set(err, -EINVAL, "TLS needs an authority");
    (void)nng_tls_register();
    if (nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT) != 0)
        return error_set(err, -ENOTSUP, "nng was built without TLS");
    r = use_authority(config, tls->authority, err);
    if (r == 0)
        r = use_certificate(config, tls, err);
    if (r == 0 && (nng_tls_config_server_name(config, name) != 0 ||
                   nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED) != 0))
        r = error_set(err, -EINVAL, "nng refuses the name %s", name);
    if (r < 0)
        nng_tls_config_free(config);
    else
        *ret = config;
    return r;
}

/* nng's spelling of the URL, and its TLS settings. */
static int take_url(struct bus_dial *dial, const char *url, const struct bus_tls *tls,
                    struct error *err)
{
    static const char unix_scheme[] = "unix://";
    nng_url *parsed;
    int r = 0;

    if (strncmp(url, unix_scheme, strlen(unix_scheme)) == 0) {
        dial->url = mem_text("ipc://%s", url + strlen(unix_scheme));
        return url[strlen(unix_scheme)] == '/'
                   ? 0
                   : error_set(err, -EINVAL, "a unix socket needs an absolute path");
    }
    dial->url = mem_dup_text(url);
    if (nng_url_parse(&parsed, url) != 0)
        return error_set(err, -EINVAL, "not a URL");
    if (strcmp(parsed->u_scheme, "tcp") != 0 && strcmp(parsed->u_scheme, "tls+tcp") != 0)
        r = error_set(err, -EINVAL, "neither tcp://, tls+tcp:// nor unix://");
    else if (parsed->u_hostname[0] == '\0' || strtoul(parsed->u_port, NULL, 10) == 0)
        r = error_set(err, -EINVAL, "not a host and a port");
    else if (strcmp(parsed->u_scheme, "tls+tcp") == 0)
        r = make_tls(tls, parsed->u_hostname, &dial->tls, err);
    nng_url_free(parsed);
    return r;
}

void bus_dial_destroy(struct bus_dial *dial)
{
    if (dial == NULL)
        return;
    if (dial->tls != NULL)
        nng_tls_config_free(dial->tls);
    free(dial->url);
    free(dial);
}

int bus_dial_new(const char *url, const struct bus_tls *tls, struct bus_dial **ret,
                 struct error *err)
{
    autodestroy(bus_dial) struct bus_dial *dial = mem_new(struct bus_dial);
    int r;

    r = take_url(dial, url, tls, err);
    if (r < 0)
        return error_add_context(err, r, "reach %s", url);
    *ret = steal_ptr(dial);
    return 0;
}

int bus_dial_start(const struct bus_dial *dial, nng_socket socket)
{
    nng_dialer dialer;
    int r;

    if ((r = nng_socket_set_bool(socket, NNG_OPT_TCP_KEEPALIVE, true)) != 0 ||
        (r = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, RECEIVE_MAX)) != 0 ||
        (r = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS)) != 0 ||
        (r = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS)) != 0 ||
        (r = nng_dialer_create(&dialer, socket, dial->url)) != 0)
        return r;
    if (dial->tls != NULL && (r = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, dial->tls)) != 0)
        return r;
    return nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
}
