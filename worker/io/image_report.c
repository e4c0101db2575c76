/* An image in the words of the bus; see the header. */
#include "worker/io/image_report.h"

#define NS_PER_SECOND 1000000000ULL

static struct image_config *report_config(const struct oci_config *from, struct arena *arena)
{
    struct image_config *config = arena_zeroed(arena, sizeof(*config));

    *config = (struct image_config){
        .entrypoint = from->entrypoint,
        .command = from->cmd,
        .env = from->env,
        .user = from->user,
        .workdir = from->workdir,
        .volumes = from->volumes,
        .exposed_ports = from->exposed_ports,
        .stop_signal = from->stop_signal,
        .labels = from->labels,
    };
    return config;
}

static struct message_list report_layers(const struct image_info *info, struct arena *arena)
{
    const struct stored_layer *from = info->layers.items;
    struct image_layer *layers = arena_zeroed(arena, info->layers.count * sizeof(*layers));

    for (size_t i = 0; i < info->layers.count; i++) {
        layers[i].diff_id = arena_printf(arena, "sha256:%s", from[i].diff_id);
        layers[i].size = from[i].size_bytes;
    }
    return (struct message_list){ .items = layers, .count = info->layers.count };
}

struct image *image_report(const struct image_info *info, struct arena *arena)
{
    struct image *image = arena_zeroed(arena, sizeof(*image));

    *image = (struct image){
        .id = info->id,
        .digest = arena_printf(arena, "sha256:%s", info->digest),
        .names = info->names,
        .created = info->created_s * NS_PER_SECOND,
        .size = info->size_bytes,
        .architecture = info->architecture,
        .os = info->os,
        .author = info->author,
        .comment = info->comment,
        .layers = report_layers(info, arena),
        .config = report_config(&info->config, arena),
    };
    return image;
}
