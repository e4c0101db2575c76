/* What OCI runtimes and conmon say; see the header. */
#include "worker/io/runtime_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

#define LOG_MAX (1024 * 1024)

struct phrase {
    const char *words;
    enum failure failure;
};

/* In this order: a message may hold several. */
static const struct phrase phrases[] = {
    { "permission denied", FAILURE_PERMISSION_DENIED },
    { "operation not permitted", FAILURE_PERMISSION_DENIED },
    { "executable file not found in", FAILURE_NOT_FOUND },
    { "no such file or directory", FAILURE_NOT_FOUND },
};

enum failure runtime_text_classify(const char *text)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
        if (strcasestr(text, phrases[i].words) != NULL)
            return phrases[i].failure;
    }
    return FAILURE_RUNTIME;
}

/* [begin, end) without white space at its ends; NULL when nothing is left. */
static char *trimmed(const char *begin, const char *end)
{
    while (begin < end && isspace((unsigned char)*begin))
        begin++;
    while (begin < end && isspace((unsigned char)end[-1]))
        end--;
    return begin == end ? NULL : mem_text("%.*s", (int)(end - begin), begin);
}

char *runtime_text_last_line(const char *output)
{
    const char *end = output == NULL ? NULL : output + strlen(output);

    while (end != NULL && end > output) {
        const char *begin = memrchr(output, '\n', (size_t)(end - output));
        char *line = trimmed(begin == NULL ? output : begin + 1, end);

        if (line != NULL)
            return line;
        end = begin;
    }
    return NULL;
}

static void drop_json(json_t **json)
{
    json_decref(*json);
}

#define autojson __attribute__((cleanup(drop_json))) json_t

/* The text that stands under `key`, on the heap. */
static char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? NULL : trimmed(text, text + strlen(text));
}

char *runtime_text_of_log(const char *path)
{
    autofree char *log = NULL;
    autofree char *line = NULL;
    autojson *json = NULL;
    size_t size;

    if (files_read(AT_FDCWD, path, LOG_MAX, &log, &size, NULL) < 0)
        return NULL;
    line = runtime_text_last_line(log);
    if (line == NULL)
        return NULL;
    json = json_loads(line, 0, NULL);
    return json == NULL ? steal_ptr(line) : text_of(json, "msg");
}

int runtime_text_parse_sync(struct bytes line, int64_t *ret_data, char **ret_text,
                            struct error *err)
{
    autojson *json = json_loadb((const char *)line.data, line.size, 0, NULL);
    const json_t *data = json_object_get(json, "data");

    if (!json_is_integer(data))
        return error_set(err, -EBADMSG, "conmon says \"%.*s\"", (int)line.size,
                         (const char *)line.data);
    *ret_data = json_integer_value(data);
    *ret_text = text_of(json, "message");
    return 0;
}

char *runtime_text_status(const char *output)
{
    autojson *json = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);

    return text_of(json, "status");
}
