/*
 * A page of records: read in one short transaction, encoded into the answer before it ends.
 *
 * Loop thread.
 */
#ifndef GANTRY_BROKER_PAGE_H
#define GANTRY_BROKER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/io/log.h"
#include "schemas/bus.h"

struct page_wish {
    const char *stream;         /* NULL: all records */
    uint64_t cursor;            /* the asker's: it has dealt with everything up to it */
    uint64_t after;             /* records beyond this, which is not below the cursor */
    bool may_begin_at_floor;    /* records that are no longer kept are not missed */
    uint64_t upto;              /* and not beyond this; 0: no limit */
    const struct watch *filter; /* records that pass it; NULL: all */
    unsigned records_max;       /* 0: PAGE_RECORDS_MAX */
    unsigned scan_max;          /* records to look at; 0: as many as there are */
};

/* Open from page_open() to page_close(). */
struct open_page {
    struct page page;      /* the reply; what it points to is borrowed from here */
    uint64_t after;        /* of the wish, or the floor */
    uint64_t scanned_upto; /* records up to this position were looked at */
    unsigned scanned;      /* how many */
    size_t bytes;          /* of the records in the page */
    struct log_txn *txn;
    struct raw records[PAGE_RECORDS_MAX];
};

/*
 * Read. -ESTALE when the asker's cursor is beyond the end: the log went back (an old copy was
 * restored), which the operator has to know. -ENODATA when records that are asked for are no longer
 * kept. -EUCLEAN when a record is damaged on the disk.
 */
int page_open(struct log *log, const struct page_wish *wish, struct open_page *ret,
              struct error *err);
void page_close(struct open_page *page);

struct sp_request;

/* Answer what page_open() failed with: internal, or trimmed with the floor. */
void page_refuse(struct sp_request *request, const struct open_page *page, const struct error *err);

#endif
