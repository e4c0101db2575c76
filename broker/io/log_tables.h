/* The log's own tables in its store: what is in them is said in log_lmdb.h. */
#ifndef GANTRY_BROKER_IO_LOG_TABLES_H
#define GANTRY_BROKER_IO_LOG_TABLES_H

enum log_table {
    LOG_TABLE_RECORDS,
    LOG_TABLE_MARKS,
    LOG_TABLE_HEADS,
    LOG_TABLE_META,
    LOG_TABLE_COUNT
};

#endif
