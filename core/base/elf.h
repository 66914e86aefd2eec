/* What a shared object needs, read from its file without loading it (constructors run inside dlopen). */
#ifndef ORR_BASE_ELF_H
#define ORR_BASE_ELF_H

#include "base/error.h"

/* Sanitizer runtimes that an ELF image needs, as enum orr_build_flags; ORR_ELF_UBSAN goes beyond those. */
enum { ORR_ELF_UBSAN = 1 << 8 };

/* Check that n bytes are a 64-bit little-endian shared object for this machine and find the sanitizers it needs, by
 * needed libraries and by undefined symbols; what those libraries need in turn is not followed. Hostile bytes are safe.
 * EFORMAT says what is wrong. Any thread. */
ORR_CHECKED orr_status orr_elf_check(const unsigned char *data, size_t n, uint32_t *sanitizers, struct orr_error *err);

#endif
