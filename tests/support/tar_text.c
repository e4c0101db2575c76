/* Tar archives, byte by byte; see the header. */
#include "tests/support/tar_text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"

#define BLOCK_SIZE  512
#define NAME_AT     0
#define NAME_FIELD  100
#define MODE_AT     100
#define UID_AT      108
#define GID_AT      116
#define SIZE_AT     124
#define MTIME_AT    136
#define SUM_AT      148
#define SUM_FIELD   8
#define TYPE_AT     156
#define LINK_AT     157
#define MAGIC_AT    257
#define MAJOR_AT    329
#define MINOR_AT    337
#define LONG_FIELD  12
#define SHORT_FIELD 8

static void put_octal(uint8_t *field, size_t size, uint64_t number)
{
    char text[LONG_FIELD + 1];

    (void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)number);
    memcpy(field, text, size);
}

static void put_text(uint8_t *field, const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);

    memcpy(field, text == NULL ? "" : text, size < NAME_FIELD ? size : NAME_FIELD);
}

static void add_padded(struct buffer *tar, const void *data, size_t size)
{
    static const uint8_t zeros[BLOCK_SIZE];

    buffer_append(tar, data, size);
    buffer_append(tar, zeros, (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE);
}

static void add_header(struct buffer *tar, const struct tar_entry *entry, size_t size)
{
    uint8_t header[BLOCK_SIZE] = { 0 };
    unsigned mode = entry->mode != 0 ? entry->mode : entry->type == '5' ? 0755 : 0644;
    uint64_t sum = 0;

    put_text(header + NAME_AT, entry->name);
    put_octal(header + MODE_AT, SHORT_FIELD, mode);
    put_octal(header + UID_AT, SHORT_FIELD, entry->uid);
    put_octal(header + GID_AT, SHORT_FIELD, entry->gid);
    put_octal(header + SIZE_AT, LONG_FIELD, size);
    put_octal(header + MTIME_AT, LONG_FIELD, entry->mtime);
    header[TYPE_AT] = (uint8_t)entry->type;
    put_text(header + LINK_AT, entry->target);
    memcpy(header + MAGIC_AT, "ustar\00000", 8);
    put_octal(header + MAJOR_AT, SHORT_FIELD, entry->major);
    put_octal(header + MINOR_AT, SHORT_FIELD, entry->minor);
    memset(header + SUM_AT, ' ', SUM_FIELD);
    for (size_t i = 0; i < sizeof(header); i++)
        sum += header[i];
    put_octal(header + SUM_AT, SUM_FIELD - 1, sum);
    buffer_append(tar, header, sizeof(header));
}

/* "<length of all this> key=value\n" */
static void add_record(struct buffer *records, const char *key, const char *value)
{
    size_t size = strlen(key) + strlen(value) + strlen(" =\n");
    char length[LONG_FIELD];
    autofree char *record = NULL;
    size_t digits = 1;

    while ((size_t)snprintf(length, sizeof(length), "%zu", size + digits) > digits)
        digits++;
    record = mem_text("%s %s=%s\n", length, key, value);
    buffer_append(records, record, strlen(record));
}

static void add_extended(struct buffer *tar, const struct tar_entry *entry)
{
    struct buffer records = { 0 };

    if (strlen(entry->name) >= NAME_FIELD)
        add_record(&records, "path", entry->name);
    if (entry->target != NULL && strlen(entry->target) >= NAME_FIELD)
        add_record(&records, "linkpath", entry->target);
    if (entry->xattr != NULL) {
        const char *value = strchr(entry->xattr, '=');
        autofree char *key =
            mem_text("SCHILY.xattr.%.*s", (int)(value - entry->xattr), entry->xattr);

        add_record(&records, key, value + 1);
    }
    if (records.size > 0) {
        const struct tar_entry header = { .type = 'x', .name = "pax" };

        add_header(tar, &header, records.size);
        add_padded(tar, records.data, records.size);
    }
    buffer_done(&records);
}

void tar_add(struct buffer *tar, const struct tar_entry *entry)
{
    size_t size = entry->content == NULL ? 0 : strlen(entry->content);

    add_extended(tar, entry);
    add_header(tar, entry, size);
    add_padded(tar, entry->content, size);
}

void tar_end(struct buffer *tar)
{
    static const uint8_t zeros[2 * BLOCK_SIZE];

    buffer_append(tar, zeros, sizeof(zeros));
}

int tar_open_bytes(struct bytes bytes)
{
    int fd = memfd_create("tar", MFD_CLOEXEC);

    assert(fd >= 0);
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);

        assert(written > 0);
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    assert(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}
