/* The handlers of the route table, one for each request, each in the file of its noun. */
#ifndef GANTRY_BROKER_HANDLERS_H
#define GANTRY_BROKER_HANDLERS_H

struct broker;
struct request;

typedef void handle_fn(struct broker *broker, struct request *request);

handle_fn handle_hello;         /* hello.c */
handle_fn handle_poll;          /* poll.c */
handle_fn handle_report;        /* report.c */
handle_fn handle_submit;        /* submit.c */
handle_fn handle_outcome;       /* outcome.c */
handle_fn handle_watch;         /* watch.c */
handle_fn handle_fetch;         /* fetch.c */
handle_fn handle_query;         /* query.c */
handle_fn handle_view_hash;     /* view_hash.c */
handle_fn handle_past;          /* past_request.c */
handle_fn handle_recover;       /* recover.c */
handle_fn handle_info;          /* info.c */
handle_fn handle_log_backup;    /* backup.c */
handle_fn handle_host_lose;     /* lose.c */
handle_fn handle_stream_open;   /* stream_requests.c */
handle_fn handle_stream_accept; /* stream_requests.c */
handle_fn handle_stream_push;   /* stream_requests.c */
handle_fn handle_stream_read;   /* stream_requests.c */
handle_fn handle_stream_close;  /* stream_requests.c */

#endif
