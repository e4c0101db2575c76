/*
 * Why something failed: a code for the program, a sentence for the operator.
 *
 * A fallible function returns 0 or a negative errno value. Its caller passes a
 * `struct error` to learn the reason, or NULL when the code alone is enough.
 * The code decides, the text explains: never branch on the text.
 */
#ifndef GANTRY_COMMON_ERROR_H
#define GANTRY_COMMON_ERROR_H

#define ERROR_TEXT_MAX 512

struct error {
    int code;                  /* negative errno; 0 while nothing has failed */
    char text[ERROR_TEXT_MAX]; /* outermost context first: "a: b: c" */
};

/* Record a failure. Returns `code`, which must be negative. */
int error_set(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Record a failed system call: code and final cause come from errno. */
int error_set_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "context: " before the recorded text. Returns `code` unchanged. */
int error_add_context(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
