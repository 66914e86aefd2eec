/* FNV-1a (Fowler, Noll and Vo), 64 bits: tells texts and files apart; no protection against an adversary. */
#ifndef ORR_BASE_HASH_H
#define ORR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define ORR_HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of everything so far, ORR_HASH_START of nothing, followed by n bytes. Any thread. */
static inline uint64_t orr_hash_bytes(uint64_t hash, const void *data, size_t n)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < n; ++i)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
