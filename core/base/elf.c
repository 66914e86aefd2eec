/* Bounds-checked reading of an ELF image: file header, program headers, the dynamic section, its string and symbol
 * tables. Only what the dynamic loader itself uses is trusted to exist; section headers are never read.
 * Layout: System V ABI, chapters 4 and 5; gABI of DT_HASH and the GNU extension DT_GNU_HASH. */
#include "base/elf.h"

#include <elf.h>
#include <string.h>

#if defined(__x86_64__)
static const unsigned this_machine = EM_X86_64;
static const char machine_name[] = "x86-64";
#elif defined(__aarch64__)
static const unsigned this_machine = EM_AARCH64;
static const char machine_name[] = "AArch64";
#elif defined(__riscv)
static const unsigned this_machine = EM_RISCV;
static const char machine_name[] = "RISC-V";
#elif defined(__powerpc64__)
static const unsigned this_machine = EM_PPC64;
static const char machine_name[] = "PowerPC64";
#elif defined(__loongarch64)
static const unsigned this_machine = 258;
static const char machine_name[] = "LoongArch";
#else
#error "name this machine's ELF number here"
#endif

struct image {
    const unsigned char *data;
    size_t size;
    Elf64_Ehdr header;
};

/* Copy, not cast: nothing in a hostile file is aligned. */
static bool get(const struct image *image, uint64_t at, void *out, size_t n)
{
    if (at > image->size || n > image->size - at) return false;
    memcpy(out, image->data + at, n);
    return true;
}

static bool program_header(const struct image *image, unsigned i, Elf64_Phdr *out)
{
    uint64_t at;
    if (__builtin_add_overflow(image->header.e_phoff, (uint64_t)i * sizeof *out, &at)) return false;
    return get(image, at, out, sizeof *out);
}

/* Where in the file a virtual address lies; false when no segment's file part holds it. */
static bool file_offset(const struct image *image, uint64_t address, uint64_t *out)
{
    for (unsigned i = 0; i < image->header.e_phnum; ++i) {
        Elf64_Phdr segment;
        if (!program_header(image, i, &segment)) return false;
        if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
        if (address - segment.p_vaddr >= segment.p_filesz) continue;
        return !__builtin_add_overflow(segment.p_offset, address - segment.p_vaddr, out);
    }
    return false;
}

enum { NAME_SIZE = 256 };

/* The start of a name in a string table, cut to the file and to NAME_SIZE. */
static bool name_at(const struct image *image, uint64_t table, uint64_t index, char name[NAME_SIZE])
{
    uint64_t at;
    if (__builtin_add_overflow(table, index, &at) || at >= image->size) return false;
    const size_t left = image->size - at;
    const size_t n = strnlen((const char *)image->data + at, left < NAME_SIZE - 1 ? left : NAME_SIZE - 1);
    memcpy(name, image->data + at, n);
    name[n] = '\0';
    return true;
}

static bool begins(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

static uint32_t of_library(const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash) name = slash + 1;
    if (begins(name, "libasan") || begins(name, "libclang_rt.asan")) return ORR_BUILD_ASAN;
    if (begins(name, "libtsan") || begins(name, "libclang_rt.tsan")) return ORR_BUILD_TSAN;
    if (begins(name, "libmsan") || begins(name, "libclang_rt.msan")) return ORR_BUILD_MSAN;
    if (begins(name, "libubsan") || begins(name, "libclang_rt.ubsan")) return ORR_ELF_UBSAN;
    return 0;
}

static uint32_t of_symbol(const char *name)
{
    if (begins(name, "__asan_")) return ORR_BUILD_ASAN;
    if (begins(name, "__tsan_")) return ORR_BUILD_TSAN;
    if (begins(name, "__msan_")) return ORR_BUILD_MSAN;
    if (begins(name, "__ubsan_")) return ORR_ELF_UBSAN;
    return 0;
}

struct dynamic {
    uint64_t strings, symbols, hash, gnu_hash; /* addresses; 0: absent */
    uint64_t at, count;                        /* of the entries, in the file */
};

static bool entry(const struct image *image, const struct dynamic *dynamic, uint64_t i, Elf64_Dyn *out)
{
    uint64_t at;
    if (i >= dynamic->count || __builtin_add_overflow(dynamic->at, i * sizeof *out, &at)) return false;
    return get(image, at, out, sizeof *out) && out->d_tag != DT_NULL;
}

static bool find_dynamic(const struct image *image, struct dynamic *out)
{
    *out = (struct dynamic){0};
    for (unsigned i = 0; i < image->header.e_phnum; ++i) {
        Elf64_Phdr segment;
        if (!program_header(image, i, &segment)) return false;
        if (segment.p_type != PT_DYNAMIC) continue;
        /* By its address, as the dynamic loader finds it: its offset could say something else. */
        if (!file_offset(image, segment.p_vaddr, &out->at)) return false;
        if (out->at > image->size || segment.p_filesz > image->size - out->at) return false;
        out->count = segment.p_filesz / sizeof(Elf64_Dyn);
        break;
    }
    Elf64_Dyn item;
    for (uint64_t i = 0; entry(image, out, i, &item); ++i) {
        if (item.d_tag == DT_STRTAB) out->strings = item.d_un.d_ptr;
        if (item.d_tag == DT_SYMTAB) out->symbols = item.d_un.d_ptr;
        if (item.d_tag == DT_HASH) out->hash = item.d_un.d_ptr;
        if (item.d_tag == DT_GNU_HASH) out->gnu_hash = item.d_un.d_ptr;
    }
    return out->count > 0 && out->strings && out->symbols;
}

/* How many symbols come before the hashed ones: all undefined symbols of a GNU_HASH image are among these. */
static bool undefined_end(const struct image *image, const struct dynamic *dynamic, uint64_t *out)
{
    uint64_t at;
    uint32_t words[2];
    const uint64_t table = dynamic->hash ? dynamic->hash : dynamic->gnu_hash;
    if (!table || !file_offset(image, table, &at) || !get(image, at, words, sizeof words)) return false;
    *out = words[1]; /* DT_HASH: the number of symbols; DT_GNU_HASH: the first hashed symbol */
    return true;
}

static orr_status scan(const struct image *image, const struct dynamic *dynamic, uint32_t *sanitizers,
                       struct orr_error *err)
{
    static const char damaged[] = "is a damaged shared object: its dynamic section points outside the file";
    uint64_t strings, symbols, end;
    char name[NAME_SIZE];
    if (!file_offset(image, dynamic->strings, &strings) || !file_offset(image, dynamic->symbols, &symbols) ||
        !undefined_end(image, dynamic, &end))
        return orr_fail(err, ORR_EFORMAT, "%s", damaged);
    Elf64_Dyn item;
    for (uint64_t i = 0; entry(image, dynamic, i, &item); ++i) {
        if (item.d_tag != DT_NEEDED) continue;
        if (!name_at(image, strings, item.d_un.d_val, name)) return orr_fail(err, ORR_EFORMAT, "%s", damaged);
        *sanitizers |= of_library(name);
    }
    for (uint64_t i = 0; i < end; ++i) {
        uint64_t at;
        Elf64_Sym symbol;
        if (__builtin_add_overflow(symbols, i * sizeof symbol, &at) || !get(image, at, &symbol, sizeof symbol))
            return orr_fail(err, ORR_EFORMAT, "%s", damaged);
        if (symbol.st_shndx != SHN_UNDEF || symbol.st_name == 0) continue;
        if (!name_at(image, strings, symbol.st_name, name)) return orr_fail(err, ORR_EFORMAT, "%s", damaged);
        *sanitizers |= of_symbol(name);
    }
    return ORR_OK;
}

orr_status orr_elf_check(const unsigned char *data, size_t n, uint32_t *sanitizers, struct orr_error *err)
{
    struct image image = {.data = data, .size = n};
    const Elf64_Ehdr *header = &image.header;
    *sanitizers = 0;
    if (n < SELFMAG || memcmp(data, ELFMAG, SELFMAG) != 0)
        return orr_fail(err, ORR_EFORMAT, "is not a shared object (no ELF header)");
    if (!get(&image, 0, &image.header, sizeof image.header))
        return orr_fail(err, ORR_EFORMAT, "is a damaged shared object: %zu bytes, shorter than an ELF header", n);
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
        return orr_fail(err, ORR_EFORMAT, "is not a 64-bit little-endian ELF file: build it for this machine (%s)",
                        machine_name);
    if (header->e_machine != this_machine)
        return orr_fail(err, ORR_EFORMAT, "was built for another machine (ELF machine %u): build it for this one (%s)",
                        (unsigned)header->e_machine, machine_name);
    if (header->e_type != ET_DYN)
        return orr_fail(err, ORR_EFORMAT, "is not a shared object (ELF type %u): link it with -shared",
                        (unsigned)header->e_type);
    struct dynamic dynamic;
    if (header->e_phentsize != sizeof(Elf64_Phdr) || !find_dynamic(&image, &dynamic))
        return orr_fail(err, ORR_EFORMAT, "is a damaged shared object: it has no readable dynamic section");
    return scan(&image, &dynamic, sanitizers, err);
}
