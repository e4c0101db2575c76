/*
 * image_tool STORE COMMAND [ARGUMENT...]: the image store of a worker, for tests.
 *
 *     load PATH|- [NAME...]      prints the ids
 *     list                       one line for each: ID DIGEST SIZE NAME,NAME...
 *     layers IMAGE               one line for each: DIFF-ID LINK
 *     import PATH|- NAME [CMD...]  prints the id
 *     commit BASE|- DIRECTORY NAME   prints the id
 *     save oci|docker PATH NAME...
 *     pull SOURCE [NAME]         prints the id; skopeo's words on stderr
 *     tag IMAGE NAME | untag NAME | remove IMAGE | verify IMAGE
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "worker/io/images.h"

struct command {
    const char *name;
    int arguments_min;
    int (*run)(struct images *images, struct arena *arena, char **arguments, struct error *err);
};

static size_t count_of(char **arguments)
{
    size_t count = 0;

    while (arguments[count] != NULL)
        count++;
    return count;
}

static struct image_source source_of(const char *path)
{
    if (strcmp(path, "-") == 0)
        return (struct image_source){ .fd = STDIN_FILENO };
    return (struct image_source){ .fd = -1, .path = path };
}

static int load(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    const struct image_source source = source_of(arguments[0]);
    const struct text_list names = { .items = arguments + 1, .count = count_of(arguments + 1) };
    struct text_list ids;
    int r = images_load(images, &source, &names, arena, &ids, err);

    for (size_t i = 0; r == 0 && i < ids.count; i++)
        (void)puts(ids.items[i]);
    return r;
}

static int list(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    struct message_list found;
    const struct image_info *items;
    int r = images_list(images, arena, &found, err);

    (void)arguments;
    if (r < 0)
        return r;
    items = found.items;
    for (size_t i = 0; i < found.count; i++) {
        (void)printf("%s %s %" PRIu64 " ", items[i].id, items[i].digest, items[i].size_bytes);
        for (size_t j = 0; j < items[i].names.count; j++)
            (void)printf("%s%s", j == 0 ? "" : ",", items[i].names.items[j]);
        (void)putchar('\n');
    }
    return 0;
}

static int layers(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    struct image_info image;
    const struct stored_layer *items;
    int r = images_find(images, arguments[0], arena, &image, err);

    if (r < 0)
        return r;
    items = image.layers.items;
    for (size_t i = 0; i < image.layers.count; i++)
        (void)printf("%s %s\n", items[i].diff_id, items[i].link);
    return 0;
}

static int import(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    const struct image_source source = source_of(arguments[0]);
    const struct oci_config config = { .cmd = { .items = arguments + 2,
                                                .count = count_of(arguments + 2) } };
    const struct image_about about = { .names = { .items = arguments + 1, .count = 1 },
                                       .comment = "imported" };
    char *id;
    int r = images_import(images, &source, &config, &about, arena, &id, err);

    if (r == 0)
        (void)puts(id);
    return r;
}

static int commit(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    const char *base = strcmp(arguments[0], "-") == 0 ? NULL : arguments[0];
    autoclose int fd = open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct image_info info = { 0 };
    const struct image_about about = { .names = { .items = arguments + 2, .count = 1 },
                                       .author = "tester" };
    char *id;
    int r = fd < 0 ? error_set_errno(err, "%s", arguments[1]) : 0;

    if (r == 0 && base != NULL)
        r = images_find(images, base, arena, &info, err);
    if (r == 0)
        r = images_commit(images, base, fd, &info.config, &about, arena, &id, err);
    if (r == 0)
        (void)puts(id);
    return r;
}

static int save(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    const struct text_list names = { .items = arguments + 2, .count = count_of(arguments + 2) };
    enum image_format format =
        strcmp(arguments[0], "docker") == 0 ? IMAGE_DOCKER_ARCHIVE : IMAGE_OCI_ARCHIVE;
    autoclose int fd = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    (void)arena;
    if (fd < 0)
        return error_set_errno(err, "%s", arguments[1]);
    return images_save(images, &names, format, fd, err);
}

static void on_progress(void *owner, const char *line)
{
    (void)owner;
    (void)fprintf(stderr, "skopeo: %s\n", line);
}

static int pull(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    const struct image_fetch fetch = {
        .source = arguments[0],
        .name = arguments[1],
        .is_policy_ignored = true,
        .cancel_fd = -1,
        .on_progress = on_progress,
    };
    char *id;
    int r = images_pull(images, &fetch, arena, &id, err);

    if (r == 0)
        (void)puts(id);
    return r;
}

static int tag(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    (void)arena;
    return images_tag(images, arguments[0], arguments[1], err);
}

static int untag(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    (void)arena;
    return images_untag(images, arguments[0], err);
}

static int remove_image(struct images *images, struct arena *arena, char **arguments,
                        struct error *err)
{
    (void)arena;
    return images_remove(images, arguments[0], err);
}

static int verify(struct images *images, struct arena *arena, char **arguments, struct error *err)
{
    (void)arena;
    return images_verify(images, arguments[0], err);
}

static const struct command commands[] = {
    { "import", 2, import },       { "commit", 3, commit }, { "save", 3, save },
    { "pull", 1, pull },           { "load", 1, load },     { "list", 0, list },
    { "layers", 1, layers },       { "tag", 2, tag },       { "untag", 1, untag },
    { "remove", 1, remove_image }, { "verify", 1, verify },
};

static int run(const char *store, const char *name, char **arguments, struct error *err)
{
    autodestroy(images) struct images *images = NULL;
    autoarena arena = { 0 };
    int r = images_open(store, &images, err);

    for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(*commands); i++) {
        if (strcmp(commands[i].name, name) == 0 &&
            count_of(arguments) >= (size_t)commands[i].arguments_min)
            return commands[i].run(images, &arena, arguments, err);
    }
    return r < 0 ? r : error_set(err, -EINVAL, "no command %s", name);
}

int main(int argc, char **argv)
{
    struct error err = { 0 };

    if (argc < 3) {
        (void)fprintf(stderr, "usage: image_tool STORE COMMAND [ARGUMENT...]\n");
        return EXIT_FAILURE;
    }
    if (run(argv[1], argv[2], argv + 3, &err) == 0)
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "image_tool: %s\n", err.text);
    return EXIT_FAILURE;
}
