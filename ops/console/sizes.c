/* How much containers take; see the header. */
#include "ops/console/sizes.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "ops/console/transfer.h"

static int take_bytes(void *owner, struct bytes data, struct error *err)
{
    (void)err;
    buffer_append(owner, data.data, data.size);
    return 0;
}

/* " 123": false when it is no number. */
static bool take_number(const char **at, uint64_t *ret)
{
    char *end;

    if (**at != ' ' || !isdigit((unsigned char)(*at)[1]))
        return false;
    *ret = strtoull(*at + 1, &end, 10);
    *at = end;
    return true;
}

static void take_line(const char *line, const struct container_row *rows, size_t count,
                      struct container_size *sizes)
{
    size_t id_size = strcspn(line, " ");
    const char *at = line + id_size;
    uint64_t written;
    uint64_t all;

    if (!take_number(&at, &written) || !take_number(&at, &all) || *at != '\0')
        return;
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i].id) == id_size && memcmp(rows[i].id, line, id_size) == 0)
            sizes[i] = (struct container_size){ .is_known = true,
                                                .written_bytes = written,
                                                .all_bytes = all };
    }
}

/* Of a whole host, or of one container. */
static int ask(struct console *console, const struct container_row *rows, size_t count,
               const struct container_row *first, struct container_size *sizes, struct error *err)
{
    const struct stream_open asked = { .host = first->host,
                                       .container = count == 1 ? first->id : NULL,
                                       .kind = arena_text(&console->arena, "sizes") };
    struct buffer text = { 0 };
    char *lines;
    char *line;
    int r = transfer_receive(console, &asked, take_bytes, &text, err);

    lines = arena_text_n(&console->arena, (const char *)text.data, text.size);
    buffer_done(&text);
    if (r < 0)
        return r;
    while ((line = strsep(&lines, "\n")) != NULL)
        take_line(line, rows, count, sizes);
    return 0;
}

static bool was_asked(const struct container_row *rows, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(rows[j].host, rows[i].host) == 0)
            return true;
    }
    return false;
}

int sizes_ask(struct console *console, const struct container_row *rows, size_t count,
              struct container_size **ret, struct error *err)
{
    int r = 0;

    *ret = arena_zeroed(&console->arena, (count + 1) * sizeof(**ret));
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!was_asked(rows, i))
            r = ask(console, rows, count, &rows[i], *ret, err);
    }
    return r;
}
