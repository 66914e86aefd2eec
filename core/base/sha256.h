/* SHA-256 (FIPS 180-4), so that whoever has a file can check with sha256sum that it is the one a run was judged by. */
#ifndef ORR_BASE_SHA256_H
#define ORR_BASE_SHA256_H

#include <stddef.h>

enum { ORR_SHA256_SIZE = 65 };

/* 64 hexadecimal digits of the digest of n bytes, and a zero. Any thread. */
void orr_sha256(const void *data, size_t n, char digest[ORR_SHA256_SIZE]);

#endif
