/* Names and ids for what the operator did not name. */
#ifndef GANTRY_OPS_CONSOLE_NAMES_H
#define GANTRY_OPS_CONSOLE_NAMES_H

#include <stdint.h>

#include "common/id.h"

/* A random number from the kernel. */
uint64_t names_random(void);

/* 64 random hexadecimal digits. */
void names_make_id(char ret[static CONTAINER_ID_SIZE + 1]);

#define NAMES_SIZE 48
/* Two words, "patient_heron": some 10,000 different ones. */
void names_make_name(uint64_t random, char ret[static NAMES_SIZE]);

#endif
