/* sd_notify without systemd's library; see the header. */
#include "common/io/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/auto.h"

/* A path, or '@' and a name in the abstract namespace. 0: neither, or too long. */
static socklen_t read_address(const char *text, struct sockaddr_un *ret)
{
    size_t size = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || size >= sizeof(ret->sun_path))
        return 0;
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(ret->sun_path, text, size);
    if (text[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

void notify_send(const char *state)
{
    const char *listener = getenv("NOTIFY_SOCKET");
    autoclose int fd = -1;
    struct sockaddr_un address;
    socklen_t size;

    size = listener != NULL ? read_address(listener, &address) : 0;
    if (size == 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (const struct sockaddr *)&address, size);
}
