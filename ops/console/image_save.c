/* gantry image save */
#include <errno.h>
#include <string.h>

#include "ops/console/fleet_rows.h"
#include "ops/console/output_file.h"
#include "ops/console/select.h"
#include "ops/console/verbs.h"

struct save_options {
    const char *host;
    struct text_list images;
    const char *output;
    const char *format;
    bool is_quiet;
    bool is_multi;
};

#define SAVE(...) ARG(struct save_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    SAVE(format, ARG_TEXT, 0, "format", "docker-archive|oci-archive", "Default: docker-archive"),
    SAVE(host, ARG_TEXT, 0, "host", "HOST", "The host that has them"),
    SAVE(is_multi, ARG_FLAG, 'm', "multi-image-archive", NULL, "All operands are images (they are)"),
    SAVE(output, ARG_TEXT, 'o', "output", "PATH", "Where to write; default: stdout"),
    SAVE(is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Say less"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct save_options, images),
};

/* One host has to have them all. */
static int find_host(struct console *console, const struct save_options *options,
                     const char **ret_host, struct error *err)
{
    struct image_rows images = { 0 };
    int r = fleet_images(console, options->host, &images, err);

    *ret_host = NULL;
    for (size_t i = 0; r == 0 && i < options->images.count; i++) {
        const struct image_row *row = NULL;

        r = select_image(&images, options->images.items[i], &row, err);
        if (r == 0 && *ret_host != NULL && strcmp(*ret_host, row->host) != 0)
            r = error_set(err, -EINVAL, "%s and %s are on different hosts, %s and %s: save each",
                          options->images.items[0], options->images.items[i], *ret_host, row->host);
        if (r == 0)
            *ret_host = row->host;
    }
    return r;
}

int verb_save(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct save_options options = { .host = console->host, .format = "docker-archive" };
    struct stream_open open = { .kind = arena_text(&console->arena, "save") };
    const char *host = NULL;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.images.count, 1, SIZE_MAX, err);
    if (r == 0 && strcmp(options.format, "docker-archive") != 0 &&
        strcmp(options.format, "oci-archive") != 0)
        r = error_set(err, -EINVAL, "unknown format \"%s\": docker-archive or oci-archive",
                      options.format);
    if (r == 0)
        r = find_host(console, &options, &host, err);
    if (r < 0)
        return r;
    open.host = arena_text(&console->arena, host);
    open.names = options.images;
    open.format = arena_text(&console->arena, options.format);
    return output_file_receive(console, &open, options.output, "save", err);
}
