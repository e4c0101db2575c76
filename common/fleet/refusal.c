/* Why a command will not be carried out; see the header. */
#include "common/fleet/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONTINUES(byte) (((unsigned char)(byte)&0xc0) == 0x80)
#define BEGINS(byte)    (((unsigned char)(byte)&0xc0) == 0xc0)

/* A text that was cut to fit may end in the middle of a character: take away what is left of it,
 * because the text goes into messages, which are UTF-8. */
static void drop_cut_character(char *text)
{
    size_t end = strlen(text);
    size_t begin = end;

    while (begin > 0 && CONTINUES(text[begin - 1]))
        begin--;
    if (begin > 0 && BEGINS(text[begin - 1]))
        text[begin - 1] = '\0';
}

enum failure refuse(struct refusal *refusal, enum failure failure, const char *fmt, ...)
{
    va_list args;

    refusal->failure = failure;
    va_start(args, fmt);
    (void)vsnprintf(refusal->text, sizeof(refusal->text), fmt, args);
    va_end(args);
    if (strlen(refusal->text) == sizeof(refusal->text) - 1)
        drop_cut_character(refusal->text);
    return failure;
}
