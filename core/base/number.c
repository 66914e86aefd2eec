/* Numbers as users write them. The C locale is taken for the moment of a conversion, so that an embedding program's
 * locale does not change what a recipe means. */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool orr_number_integer(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits)) return false;
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (*end || errno == ERANGE) return false;
    *out = value;
    return true;
}

static bool decimal(const char *text)
{
    const char *first = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*first) && *first != '.') return false;
    return strspn(text, "0123456789+-.eE") == strlen(text);
}

bool orr_number_real(const char *text, double *out)
{
    if (!decimal(text)) return false;
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) return false;
    char *end;
    const double value = strtod_l(text, &end, c);
    freelocale(c);
    if (*end || !isfinite(value)) return false;
    *out = value;
    return true;
}

const char *orr_number_print(double value, char text[ORR_NUMBER_SIZE])
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = c == (locale_t)0 ? c : uselocale(c);
    char candidate[ORR_NUMBER_SIZE];
    *text = '\0';
    for (int digits = 1; digits <= 17; ++digits) {
        snprintf(candidate, sizeof candidate, "%.*g", digits, value);
        /* 17 digits always read back; infinities and nan are for messages only. */
        if (strtod(candidate, NULL) != value && digits < 17) continue;
        if (!*text || strlen(candidate) <= strlen(text)) memcpy(text, candidate, sizeof candidate);
    }
    if (c != (locale_t)0) {
        uselocale(before);
        freelocale(c);
    }
    return text;
}
