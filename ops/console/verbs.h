/* The verbs, one function each; main's table says how they are called. */
#ifndef GANTRY_OPS_CONSOLE_VERBS_H
#define GANTRY_OPS_CONSOLE_VERBS_H

#include "ops/console/console.h"

typedef int verb_fn(struct console *console, const struct args_usage *usage, char **argv,
                    struct error *err);

verb_fn verb_run;    /* run.c */
verb_fn verb_create; /* run.c */

verb_fn verb_init;    /* lifecycle.c */
verb_fn verb_start;   /* lifecycle.c */
verb_fn verb_stop;    /* lifecycle.c */
verb_fn verb_restart; /* lifecycle.c */
verb_fn verb_kill;    /* lifecycle.c */
verb_fn verb_pause;   /* lifecycle.c */
verb_fn verb_unpause; /* lifecycle.c */
verb_fn verb_cleanup; /* lifecycle.c */
verb_fn verb_rm;      /* lifecycle.c */

verb_fn verb_cancel;
verb_fn verb_rename;
verb_fn verb_update;

verb_fn verb_image;    /* image.c: behind it */
verb_fn verb_images;   /* image_ls.c: image ls */
verb_fn image_inspect; /* image_ls.c */
verb_fn verb_pull;     /* image_get.c */
verb_fn verb_load;     /* image_get.c */
verb_fn verb_import;   /* image_get.c */
verb_fn verb_save;     /* image_save.c */
verb_fn verb_tag;      /* image_change.c */
verb_fn verb_untag;    /* image_change.c */
verb_fn verb_rmi;      /* image_change.c */
verb_fn image_prune;   /* image_change.c */
verb_fn verb_volume;

verb_fn verb_commit;    /* contents.c */
verb_fn verb_export;    /* contents.c */
verb_fn diff_container; /* contents.c: diff of a container and its image */
verb_fn verb_cp;        /* copy.c */
verb_fn verb_mount;     /* mount.c */
verb_fn verb_unmount;   /* mount.c */

verb_fn verb_ps;
verb_fn verb_inspect;
verb_fn verb_logs;
verb_fn verb_wait;
verb_fn verb_events;
verb_fn verb_history;
verb_fn verb_why;
verb_fn verb_diff;
verb_fn verb_log;
verb_fn log_verify; /* behind verb_log */
verb_fn log_backup;
verb_fn verb_hosts;
verb_fn verb_host;    /* host.c: behind it */
verb_fn verb_info;    /* info.c */
verb_fn verb_version; /* info.c */
verb_fn verb_states;

#endif
