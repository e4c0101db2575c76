/* What the broker itself has to say in the log; see the header. */
#include "broker/notice.h"

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/commit.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/codec.h"

struct notice_entry {
    struct commit_entry entry;
    struct arena arena;
    struct buffer body;
    struct record record;
};

/* Its texts, and `body`'s bytes, are borrowed. */
static struct record notice_record(const struct notice *notice, struct bytes body)
{
    const char *actor = notice->actor != NULL ? notice->actor : NOTICE_ACTOR_BROKER;

    return (struct record){
        .kind = RECORD_EVENT,
        .type = borrowed(notice->schema->name),
        .stream = borrowed(STREAM_SYSTEM),
        .host = borrowed(notice->host),
        .container = borrowed(notice->container),
        .actor = borrowed(actor),
        .cause = notice->cause,
        .body.bytes = body,
    };
}

int notice_append(struct commit_turn *turn, const struct notice *notice, uint64_t *ret_pos,
                  struct error *err)
{
    struct buffer body = { 0 };
    struct record record;
    int r;

    schema_encode(notice->schema, notice->body, &body);
    record = notice_record(notice, buffer_bytes(&body));
    r = commit_append(turn, &record, err);
    buffer_done(&body);
    if (r == 0 && ret_pos != NULL)
        *ret_pos = record.pos;
    return r;
}

static int notice_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct notice_entry *notice = container_of(entry, struct notice_entry, entry);

    return commit_append(turn, &notice->record, err);
}

static void notice_free(struct notice_entry *notice)
{
    buffer_done(&notice->body);
    arena_done(&notice->arena);
    free(notice);
}

static void notice_done(struct commit_entry *entry, const struct error *failure)
{
    struct notice_entry *notice = container_of(entry, struct notice_entry, entry);

    if (failure != NULL)
        log_failure("notice.lost", failure);
    notice_free(notice);
}

static const struct commit_functions notice_functions = {
    .apply = notice_apply,
    .done = notice_done,
};

void notice_write(struct broker *broker, const struct notice *notice)
{
    struct notice_entry *written = mem_new(struct notice_entry);
    struct error err = { 0 };
    struct notice copy = *notice;

    schema_encode(notice->schema, notice->body, &written->body);
    copy.actor = arena_text(&written->arena, notice->actor);
    copy.host = arena_text(&written->arena, notice->host);
    copy.container = arena_text(&written->arena, notice->container);
    written->record = notice_record(&copy, buffer_bytes(&written->body));
    written->entry = (struct commit_entry){
        .functions = &notice_functions,
        .records = 1,
        .bytes = written->body.size,
    };
    if (committer_add(broker->committer, &written->entry, &err) == 0)
        return;
    log_failure("notice.lost", &err);
    notice_free(written);
}
