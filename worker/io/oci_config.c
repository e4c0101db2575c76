/* The OCI image configuration; see the header. */
#include "worker/io/oci_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/io/digest.h"
#include "worker/io/images.h"
#include "worker/io/oci_json.h"

#define NS_PER_MS   1000000U
#define HISTORY_MAX 4096

static struct oci_healthcheck *read_healthcheck(struct oci_reader *reader, const json_t *config)
{
    const json_t *from = oci_object(reader, config, "Healthcheck");
    struct oci_healthcheck *ret;

    if (from == NULL)
        return NULL;
    ret = arena_zeroed(reader->arena, sizeof(*ret));
    ret->test = oci_texts(reader, from, "Test");
    ret->interval_ms = oci_number(reader, from, "Interval") / NS_PER_MS;
    ret->timeout_ms = oci_number(reader, from, "Timeout") / NS_PER_MS;
    ret->start_period_ms = oci_number(reader, from, "StartPeriod") / NS_PER_MS;
    ret->retries = (uint32_t)oci_number(reader, from, "Retries");
    return ret;
}

static void read_settings(struct oci_reader *reader, struct oci_config *ret)
{
    const json_t *config = oci_object(reader, reader->root, "config");

    ret->entrypoint = oci_texts(reader, config, "Entrypoint");
    ret->cmd = oci_texts(reader, config, "Cmd");
    ret->env = oci_texts(reader, config, "Env");
    ret->user = oci_text(reader, config, "User");
    ret->workdir = oci_text(reader, config, "WorkingDir");
    ret->volumes = oci_keys(reader, config, "Volumes");
    ret->exposed_ports = oci_keys(reader, config, "ExposedPorts");
    ret->stop_signal = oci_text(reader, config, "StopSignal");
    ret->labels = oci_text_map(reader, config, "Labels");
    ret->healthcheck = read_healthcheck(reader, config);
    ret->on_build = oci_texts(reader, config, "OnBuild");
    ret->shell = oci_texts(reader, config, "Shell");
}

static void read_history(struct oci_reader *reader, struct image_info *ret)
{
    const json_t *array = oci_array(reader, reader->root, "history");
    size_t count = json_array_size(array);
    struct oci_history *items;

    if (count > HISTORY_MAX) {
        oci_reader_fail(reader, "history", "of a size that is supported");
        return;
    }
    items = arena_zeroed(reader->arena, (count + 1) * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(array, i);

        items[i] = (struct oci_history){
            .created = oci_text(reader, from, "created"),
            .created_by = oci_text(reader, from, "created_by"),
            .author = oci_text(reader, from, "author"),
            .comment = oci_text(reader, from, "comment"),
            .is_empty_layer = oci_bool(reader, from, "empty_layer"),
        };
    }
    ret->history = (struct message_list){ .items = items, .count = count };
    if (count > 0)
        ret->comment = items[count - 1].comment;
}

/* Seconds since 1970 of "2024-05-01T12:00:00.123Z" or with "+02:00"; 0 for what is none. */
static uint64_t seconds_of(const char *text)
{
    struct tm time = { 0 };
    const char *rest = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%S", &time);
    time_t seconds;

    if (rest == NULL)
        return 0;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    seconds = timegm(&time);
    if (strptime(rest, "%z", &time) != NULL)
        seconds -= time.tm_gmtoff;
    return seconds < 0 ? 0 : (uint64_t)seconds;
}

static struct text_list read_diff_ids(struct oci_reader *reader)
{
    const json_t *rootfs = oci_object(reader, reader->root, "rootfs");
    struct text_list ids = oci_texts(reader, rootfs, "diff_ids");

    if (ids.count > IMAGE_LAYERS_MAX)
        oci_reader_fail(reader, "diff_ids", "of a size that is supported");
    for (size_t i = 0; i < ids.count; i++) {
        const char *hex = digest_hex(ids.items[i]);

        if (hex == NULL)
            oci_reader_fail(reader, "diff_ids", "a list of sha256 digests");
        else
            ids.items[i] += hex - ids.items[i];
    }
    return ids;
}

int oci_config_read(struct bytes text, struct arena *arena, struct image_info *ret,
                    struct text_list *ret_diff_ids, struct error *err)
{
    autoreader reader = { 0 };
    struct text_list diff_ids;
    int r = oci_reader_init(&reader, "configuration", text, arena, err);

    if (r < 0)
        return r;
    if (!json_is_object(reader.root))
        return error_set(err, -EBADMSG, "configuration: not an object");
    ret->created = oci_text(&reader, reader.root, "created");
    ret->created_s = seconds_of(ret->created);
    ret->architecture = oci_text(&reader, reader.root, "architecture");
    ret->variant = oci_text(&reader, reader.root, "variant");
    ret->os = oci_text(&reader, reader.root, "os");
    ret->author = oci_text(&reader, reader.root, "author");
    read_settings(&reader, &ret->config);
    read_history(&reader, ret);
    diff_ids = read_diff_ids(&reader);
    r = oci_reader_result(&reader, err);
    if (r == 0)
        *ret_diff_ids = diff_ids;
    return r;
}

static json_t *healthcheck_json(const struct oci_healthcheck *check)
{
    json_t *object = json_object();

    oci_set_texts(object, "Test", &check->test);
    oci_set_number(object, "Interval", check->interval_ms * NS_PER_MS);
    oci_set_number(object, "Timeout", check->timeout_ms * NS_PER_MS);
    oci_set_number(object, "StartPeriod", check->start_period_ms * NS_PER_MS);
    oci_set_number(object, "Retries", check->retries);
    return object;
}

static json_t *settings_json(const struct oci_config *config)
{
    json_t *object = json_object();

    oci_set_texts(object, "Entrypoint", &config->entrypoint);
    oci_set_texts(object, "Cmd", &config->cmd);
    oci_set_texts(object, "Env", &config->env);
    oci_set_text(object, "User", config->user);
    oci_set_text(object, "WorkingDir", config->workdir);
    oci_set_keys(object, "Volumes", &config->volumes);
    oci_set_keys(object, "ExposedPorts", &config->exposed_ports);
    oci_set_text(object, "StopSignal", config->stop_signal);
    oci_set_text_map(object, "Labels", &config->labels);
    if (config->healthcheck != NULL)
        (void)json_object_set_new(object, "Healthcheck", healthcheck_json(config->healthcheck));
    oci_set_texts(object, "OnBuild", &config->on_build);
    oci_set_texts(object, "Shell", &config->shell);
    return object;
}

static json_t *history_json(const struct message_list *history)
{
    const struct oci_history *items = history->items;
    json_t *array = json_array();

    for (size_t i = 0; i < history->count; i++) {
        json_t *object = json_object();

        oci_set_text(object, "created", items[i].created);
        oci_set_text(object, "created_by", items[i].created_by);
        oci_set_text(object, "author", items[i].author);
        oci_set_text(object, "comment", items[i].comment);
        if (items[i].is_empty_layer)
            (void)json_object_set_new(object, "empty_layer", json_true());
        (void)json_array_append_new(array, object);
    }
    return array;
}

static json_t *rootfs_json(const struct text_list *diff_ids)
{
    json_t *object = json_object();
    json_t *array = json_array();

    for (size_t i = 0; i < diff_ids->count; i++)
        (void)json_array_append_new(array, json_sprintf("sha256:%s", diff_ids->items[i]));
    oci_set_text(object, "type", "layers");
    (void)json_object_set_new(object, "diff_ids", array);
    return object;
}

char *oci_config_write(const struct image_info *image, const struct text_list *diff_ids)
{
    json_t *object = json_object();

    oci_set_text(object, "created", image->created);
    oci_set_text(object, "author", image->author);
    oci_set_text(object, "architecture", image->architecture);
    oci_set_text(object, "variant", image->variant);
    oci_set_text(object, "os", image->os);
    (void)json_object_set_new(object, "config", settings_json(&image->config));
    (void)json_object_set_new(object, "rootfs", rootfs_json(diff_ids));
    (void)json_object_set_new(object, "history", history_json(&image->history));
    return oci_dump(object);
}
