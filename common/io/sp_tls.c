/* Mutual TLS for the listeners of sp; see the header. */
#include "common/io/sp_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/mem.h"

#define NAME_PREFIX   "gantry://"
#define NAME_SIZE_MAX 255
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct sp_tls_context {
    SSL_CTX *openssl;
};

void sp_tls_context_destroy(struct sp_tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->openssl);
    free(context);
}

void sp_tls_reason(unsigned long failure, char *ret, size_t size)
{
    const char *reason = ERR_reason_error_string(failure);

    (void)snprintf(ret, size, "%s", reason == NULL ? "unknown failure" : reason);
}

/* Names the file, takes the reason from OpenSSL's queue and empties it. */
static int refuse_file(struct error *err, const char *path)
{
    char reason[128];

    sp_tls_reason(ERR_peek_last_error(), reason, sizeof(reason));
    ERR_clear_error();
    return error_set(err, -EINVAL, "%s: %s", path, reason);
}

static int load_files(SSL_CTX *openssl, const struct sp_tls *tls, struct error *err)
{
    if (SSL_CTX_use_certificate_chain_file(openssl, tls->certificate) != 1)
        return refuse_file(err, tls->certificate);
    if (SSL_CTX_use_PrivateKey_file(openssl, tls->key, SSL_FILETYPE_PEM) != 1)
        return refuse_file(err, tls->key);
    if (SSL_CTX_check_private_key(openssl) != 1)
        return refuse_file(err, tls->key);
    if (SSL_CTX_load_verify_locations(openssl, tls->authority, NULL) != 1)
        return refuse_file(err, tls->authority);
    return 0;
}

/*
 * The client list that the handshake names is left empty: nng's mbedTLS sends its one certificate
 * anyway. Tickets keep a herd of returning peers cheap; they need the session context to be set.
 */
static void demand_client_certificate(SSL_CTX *openssl)
{
    static const unsigned char session_context[] = "gantry";

    SSL_CTX_set_verify(openssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    (void)SSL_CTX_set_session_id_context(openssl, session_context, sizeof(session_context) - 1);
}

int sp_tls_context_new(const struct sp_tls *tls, struct sp_tls_context **ret, struct error *err)
{
    autodestroy(sp_tls_context) struct sp_tls_context *context = mem_new(struct sp_tls_context);
    int r;

    if (tls == NULL || tls->certificate == NULL || tls->key == NULL || tls->authority == NULL)
        return error_set(err, -EINVAL, "TLS needs a certificate, a key and an authority");
    context->openssl = SSL_CTX_new(TLS_server_method());
    if (context->openssl == NULL)
        return error_set(err, -ENOMEM, "OpenSSL gives no context");
    if (SSL_CTX_set_min_proto_version(context->openssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context->openssl, CIPHERS_TLS12) != 1)
        return error_set(err, -ENOTSUP, "OpenSSL knows no TLS 1.2 with forward secrecy");
    (void)SSL_CTX_set_options(context->openssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(context->openssl, SSL_MODE_RELEASE_BUFFERS);
    demand_client_certificate(context->openssl);
    r = load_files(context->openssl, tls, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(context);
    return 0;
}

struct ssl_st *sp_tls_session(struct sp_tls_context *context)
{
    return SSL_new(context->openssl);
}

/* The URI as a text, when it is one of ours: no byte in it may end a text or spoil a log line. */
static char *gantry_name(const ASN1_IA5STRING *uri)
{
    const char *text = (const char *)ASN1_STRING_get0_data(uri);
    size_t size = (size_t)ASN1_STRING_length(uri);
    char *name;

    if (size > NAME_SIZE_MAX || size <= strlen(NAME_PREFIX) ||
        memcmp(text, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return NULL;
    }
    name = mem_zeroed(size + 1);
    memcpy(name, text, size);
    return name;
}

char *sp_tls_peer_name(struct ssl_st *session)
{
    X509 *certificate = SSL_get1_peer_certificate(session);
    GENERAL_NAMES *names;
    char *found = NULL;

    if (certificate == NULL)
        return NULL;
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; found == NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_URI)
            found = gantry_name(name->d.uniformResourceIdentifier);
    }
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    return found;
}
