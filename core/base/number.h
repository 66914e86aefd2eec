/* Numbers as users write them: strict, whole-text, and the same in every locale. */
#ifndef ORR_BASE_NUMBER_H
#define ORR_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any number that orr_number_print writes, with its terminating zero. */
enum { ORR_NUMBER_SIZE = 32 };

/* True when all of text is a decimal whole number that fits; then *out holds it. No spaces. Any thread. */
bool orr_number_integer(const char *text, int64_t *out);

/* True when all of text is a finite decimal number; then *out holds it. No spaces, hexadecimals, inf or nan. */
bool orr_number_real(const char *text, double *out);

/* Write value in the fewest characters that read back to the same bits (nan excepted); returns text. Any thread. */
const char *orr_number_print(double value, char text[ORR_NUMBER_SIZE]);

#endif
