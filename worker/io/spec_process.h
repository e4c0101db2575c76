/* The "process" of a spec: what runs, as whom, with which rights and limits. */
#ifndef GANTRY_WORKER_IO_SPEC_PROCESS_H
#define GANTRY_WORKER_IO_SPEC_PROCESS_H

#include "common/error.h"
#include "worker/io/spec.h"

struct json_t;

/* -EINVAL for an unknown capability or limit. */
int spec_process(const struct spec_request *request, struct json_t **ret, struct error *err);

#endif
