/* An image as it is shown; see the header. */
#include "ops/console/image_report.h"

#include <string.h>

#include "ops/console/tree.h"
#include "ops/console/units.h"

#define SHORT_ID_SIZE 12
#define NS_PER_S      1000000000ULL

static const struct image_config no_config;

static const struct image_config *config_of(const struct image *image)
{
    return image->config != NULL ? image->config : &no_config;
}

/* Part a whole name at its tag: "quay.io/a/b", "1.2". */
static void split_name(const char *name, struct arena *arena, char **ret_repository, char **ret_tag)
{
    const char *slash = strrchr(name, '/');
    const char *tag = strrchr(name, ':');

    if (tag == NULL || (slash != NULL && tag < slash)) {
        *ret_repository = arena_text(arena, name);
        *ret_tag = arena_text(arena, "<none>");
        return;
    }
    *ret_repository = arena_text_n(arena, name, (size_t)(tag - name));
    *ret_tag = arena_text(arena, tag + 1);
}

struct json_t *image_report_fields(const struct image_row *row, const char *name,
                                   const struct image_report_options *options, struct arena *arena)
{
    const struct image *image = row->image;
    struct json_t *tree = tree_object();
    char *repository = arena_text(arena, "<none>");
    char *tag = repository;
    char since[UNITS_DURATION_SIZE];
    char created[UNITS_TIME_SIZE];
    char size[UNITS_BYTES_SIZE];

    if (name != NULL)
        split_name(name, arena, &repository, &tag);
    units_write_duration(options->now > image->created ? options->now - image->created : 0, since);
    units_write_go_time(image->created, created);
    units_write_size(image->size, size);
    tree_set_text(tree, "Repository", repository);
    tree_set_text(tree, "Tag", tag);
    tree_set_text(tree, "ID",
                  options->is_whole ? arena_printf(arena, "sha256:%s", image->id)
                                    : arena_printf(arena, "%.*s", SHORT_ID_SIZE, image->id));
    tree_set_text(tree, "Created", arena_printf(arena, "%s ago", since));
    tree_set_text(tree, "CreatedSince", arena_printf(arena, "%s ago", since));
    tree_set_text(tree, "CreatedAt", created);
    tree_set_text(tree, "Size", size);
    tree_set_text(tree, "VirtualSize", size);
    tree_set_text(tree, "Digest", image->digest);
    tree_set_text(tree, "Host", row->host);
    tree_set_texts(tree, "Names", &image->names);
    tree_set_bool(tree, "Dangling", image->names.count == 0);
    tree_set_map(tree, "Labels", &config_of(image)->labels);
    return tree;
}

struct json_t *image_report_titles(void)
{
    static const char *const titles[][2] = {
        { "Repository", "REPOSITORY" },
        { "Tag", "TAG" },
        { "ID", "IMAGE ID" },
        { "Created", "CREATED" },
        { "CreatedSince", "CREATED" },
        { "CreatedAt", "CREATED AT" },
        { "Size", "SIZE" },
        { "VirtualSize", "SIZE" },
        { "Digest", "DIGEST" },
        { "Host", "HOST" },
        { "Names", "NAMES" },
        { "Dangling", "DANGLING" },
        { "Labels", "LABELS" },
    };
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        tree_set_text(tree, titles[i][0], titles[i][1]);
    return tree;
}

struct json_t *image_report_listed(const struct image_row *row, unsigned containers)
{
    const struct image *image = row->image;
    struct json_t *tree = tree_object();
    char created[UNITS_TIME_SIZE];

    units_write_time(image->created, created);
    tree_set_text(tree, "Id", image->id);
    tree_set_texts(tree, "Names", &image->names);
    tree_set_text(tree, "Digest", image->digest);
    tree_set_number(tree, "Size", (int64_t)image->size);
    tree_set_number(tree, "VirtualSize", (int64_t)image->size);
    tree_set_map(tree, "Labels", &config_of(image)->labels);
    tree_set_number(tree, "Containers", containers);
    tree_set_bool(tree, "Dangling", image->names.count == 0);
    tree_set_number(tree, "Created", (int64_t)(image->created / NS_PER_S));
    tree_set_text(tree, "CreatedAt", created);
    tree_set_text(tree, "Host", row->host);
    return tree;
}

/* A set, as podman has it: {"/data": {}}. */
static struct json_t *set_of(const struct text_list *words)
{
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < words->count; i++)
        tree_set(tree, words->items[i], tree_object());
    return tree;
}

static struct json_t *config_tree(const struct image_config *config)
{
    struct json_t *tree = tree_object();

    if (config->user != NULL)
        tree_set_text(tree, "User", config->user);
    if (config->exposed_ports.count > 0)
        tree_set(tree, "ExposedPorts", set_of(&config->exposed_ports));
    if (config->env.count > 0)
        tree_set_texts(tree, "Env", &config->env);
    if (config->entrypoint.count > 0)
        tree_set_texts(tree, "Entrypoint", &config->entrypoint);
    if (config->command.count > 0)
        tree_set_texts(tree, "Cmd", &config->command);
    if (config->volumes.count > 0)
        tree_set(tree, "Volumes", set_of(&config->volumes));
    if (config->workdir != NULL)
        tree_set_text(tree, "WorkingDir", config->workdir);
    if (config->labels.count > 0)
        tree_set_map(tree, "Labels", &config->labels);
    if (config->stop_signal != NULL)
        tree_set_text(tree, "StopSignal", config->stop_signal);
    return tree;
}

static struct json_t *rootfs_tree(const struct image *image)
{
    const struct image_layer *layers = image->layers.items;
    struct json_t *tree = tree_object();
    struct json_t *list = tree_list();

    for (size_t i = 0; i < image->layers.count; i++)
        tree_append_text(list, layers[i].diff_id);
    tree_set_text(tree, "Type", "layers");
    tree_set(tree, "Layers", list);
    return tree;
}

/* "quay.io/a/b@sha256:..." for each name. */
static struct json_t *digests_of(const struct image *image, struct arena *arena)
{
    struct json_t *list = tree_list();

    for (size_t i = 0; image->digest != NULL && i < image->names.count; i++) {
        char *repository;
        char *tag;

        split_name(image->names.items[i], arena, &repository, &tag);
        tree_append_text(list, arena_printf(arena, "%s@%s", repository, image->digest));
    }
    return list;
}

struct json_t *image_report_inspected(const struct image_row *row, struct arena *arena)
{
    const struct image *image = row->image;
    struct json_t *tree = tree_object();
    char time[UNITS_TIME_SIZE];

    tree_set_text(tree, "Id", image->id);
    tree_set_text(tree, "Digest", image->digest);
    tree_set_texts(tree, "RepoTags", &image->names);
    tree_set(tree, "RepoDigests", digests_of(image, arena));
    tree_set_text(tree, "Parent", "");
    tree_set_text(tree, "Comment", image->comment);
    units_write_time(image->created, time);
    tree_set_text(tree, "Created", time);
    tree_set(tree, "Config", config_tree(config_of(image)));
    tree_set_text(tree, "Author", image->author);
    tree_set_text(tree, "Architecture", image->architecture);
    tree_set_text(tree, "Os", image->os);
    tree_set_number(tree, "Size", (int64_t)image->size);
    tree_set_number(tree, "VirtualSize", (int64_t)image->size);
    tree_set(tree, "RootFS", rootfs_tree(image));
    tree_set_map(tree, "Labels", &config_of(image)->labels);
    tree_set_text(tree, "User", config_of(image)->user);
    tree_set_texts(tree, "NamesHistory", &image->names);
    tree_set_text(tree, "Host", row->host);
    units_write_time(row->added, time);
    tree_set_text(tree, "Added", time);
    return tree;
}
