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

/* Put "context: " before the recorded text. Returns `code`, which must be negative. */
int error_add_context(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Results are negative: the compiler is told, so that it knows a caller's `ret_x` to be written
 * when the result is not. (error.c asserts it.)
 */
static inline int error_is_negative_(int code)
{
    if (code >= 0)
        __builtin_unreachable();
    return code;
}
#define error_set(...)         error_is_negative_(error_set(__VA_ARGS__))
#define error_set_errno(...)   error_is_negative_(error_set_errno(__VA_ARGS__))
#define error_add_context(...) error_is_negative_(error_add_context(__VA_ARGS__))

#endif
