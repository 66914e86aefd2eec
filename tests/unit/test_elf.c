/* ELF images: real ones with and without sanitizers, and damaged ones of every kind. */
#include "base/elf.h"
#include "base/memory.h"
#include "expect.h"
#include "io/file.h"

#include <elf.h>

static struct orr_error err;

static unsigned char *image_of(const char *name, size_t *n)
{
    const char *directory = getenv("ORRERY_TEST_ABI");
    char path[4096];
    char *data = NULL;
    if (!directory) fail_msg("ORRERY_TEST_ABI is not set: run by meson test");
    snprintf(path, sizeof path, "%s/%s.so", directory, name);
    if (access(path, R_OK) != 0) return NULL;
    expect_ok(orr_file_read(path, 1u << 26, &data, n, &err), &err);
    return (unsigned char *)data;
}

static void check_sanitizer(const char *name, uint32_t flag)
{
    size_t n = 0;
    uint32_t found = 0;
    unsigned char *image = image_of(name, &n);
    if (!image) {
        print_message("SKIPPED %s: this compiler has no such sanitizer\n", name);
        return;
    }
    expect_ok(orr_elf_check(image, n, &found, &err), &err);
    if (!(found & flag)) fail_msg("%s: found sanitizers %#x, expected %#x among them", name, found, flag);
    orr_memory_free(image);
}

static void test_sanitizers_are_found(void **state)
{
    (void)state;
    check_sanitizer("orrery-probe-address", ORR_BUILD_ASAN);
    check_sanitizer("orrery-probe-thread", ORR_BUILD_TSAN);
    check_sanitizer("orrery-probe-undefined", ORR_ELF_UBSAN);
    /* By an undefined symbol alone, as clang leaves it. */
    check_sanitizer("orrery-probe-sanitizer_symbol", ORR_BUILD_ASAN);
    check_sanitizer("orrery-probe-sanitizer_symbol", ORR_BUILD_TSAN);
}

static void test_a_sound_image_needs_what_we_have(void **state)
{
    (void)state;
    size_t n = 0;
    uint32_t found = 0xFF;
    unsigned char *image = image_of("orrery-probe-good", &n);
    assert_non_null(image);
    expect_ok(orr_elf_check(image, n, &found, &err), &err);
    /* Built with this program's own options, so it needs no more than those. */
    assert_int_equal(found & 0xFFu & ~(uint32_t)ORR_BUILD_FLAGS, 0);
    orr_memory_free(image);
}

static void test_other_files_are_named(void **state)
{
    (void)state;
    size_t n = 0;
    uint32_t found;
    unsigned char *image = image_of("orrery-probe-good", &n);
    Elf64_Ehdr header;
    memcpy(&header, image, sizeof header);

    expect_error(orr_elf_check(image, 0, &found, &err), &err, ORR_EFORMAT, "no ELF header");
    expect_error(orr_elf_check((const unsigned char *)"#!/bin/sh\n", 10, &found, &err), &err, ORR_EFORMAT,
                 "no ELF header");
    expect_error(orr_elf_check(image, 40, &found, &err), &err, ORR_EFORMAT, "shorter than an ELF header");

    Elf64_Ehdr changed = header;
    changed.e_ident[EI_CLASS] = ELFCLASS32;
    memcpy(image, &changed, sizeof changed);
    expect_error(orr_elf_check(image, n, &found, &err), &err, ORR_EFORMAT, "64-bit little-endian");
    changed = header;
    changed.e_machine = EM_S390;
    memcpy(image, &changed, sizeof changed);
    expect_error(orr_elf_check(image, n, &found, &err), &err, ORR_EFORMAT, "another machine (ELF machine 22)");
    changed = header;
    changed.e_type = ET_REL;
    memcpy(image, &changed, sizeof changed);
    expect_error(orr_elf_check(image, n, &found, &err), &err, ORR_EFORMAT, "-shared");
    changed = header;
    changed.e_phoff = UINT64_MAX - 8;
    memcpy(image, &changed, sizeof changed);
    expect_error(orr_elf_check(image, n, &found, &err), &err, ORR_EFORMAT, "damaged");
    orr_memory_free(image);
}

/* A copy of its own size, so that a sanitizer sees the first byte that is read beyond it. */
static orr_status check_copy(const unsigned char *image, size_t n)
{
    unsigned char *copy = malloc(n ? n : 1);
    uint32_t found;
    memcpy(copy, image, n);
    const orr_status status = orr_elf_check(copy, n, &found, &err);
    free(copy);
    return status;
}

static void test_cut_images_are_refused_or_read_within_bounds(void **state)
{
    (void)state;
    size_t n = 0;
    unsigned char *image = image_of("orrery-probe-good", &n);
    int refused = 0;
    for (size_t cut = 0; cut < n; cut += cut < 2048 ? 1 : 61)
        refused += check_copy(image, cut) != ORR_OK;
    assert_true(refused >= 2048); /* headers alone are never enough */
    orr_memory_free(image);
}

static void test_random_damage_is_read_within_bounds(void **state)
{
    (void)state;
    size_t n = 0;
    unsigned char *image = image_of("orrery-probe-good", &n);
    uint64_t random = 20;
    int refused = 0;
    print_message("seed 20\n");
    for (int round = 0; round < 3000; ++round) {
        unsigned char old[4];
        size_t at[4];
        for (int i = 0; i < 4; ++i) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            /* Half of the damage falls into the headers, where it hurts most. */
            at[i] = (size_t)(random >> 33) % (i % 2 ? n : 1024);
            old[i] = image[at[i]];
            image[at[i]] = (unsigned char)(random >> 24);
        }
        refused += check_copy(image, n) != ORR_OK;
        for (int i = 4; i-- > 0;)
            image[at[i]] = old[i];
    }
    assert_in_range(refused, 1, 2999); /* the damage is neither harmless nor total */
    orr_memory_free(image);
}

/* The dynamic loader goes by the address of the dynamic section; what its offset says is nobody's business. */
static void test_the_dynamic_section_is_found_as_the_loader_finds_it(void **state)
{
    (void)state;
    size_t n = 0;
    uint32_t found = 0;
    unsigned char *image = image_of("orrery-probe-sanitizer_symbol", &n);
    Elf64_Ehdr header;
    memcpy(&header, image, sizeof header);
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        unsigned char *at = image + header.e_phoff + i * sizeof segment;
        memcpy(&segment, at, sizeof segment);
        if (segment.p_type == PT_DYNAMIC) segment.p_offset = n - segment.p_filesz; /* zeroes, or nonsense */
        memcpy(at, &segment, sizeof segment);
    }
    expect_ok(orr_elf_check(image, n, &found, &err), &err);
    if (!(found & ORR_BUILD_TSAN)) fail_msg("found sanitizers %#x, expected ThreadSanitizer among them", found);
    orr_memory_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sanitizers_are_found),
        cmocka_unit_test(test_a_sound_image_needs_what_we_have),
        cmocka_unit_test(test_other_files_are_named),
        cmocka_unit_test(test_cut_images_are_refused_or_read_within_bounds),
        cmocka_unit_test(test_random_damage_is_read_within_bounds),
        cmocka_unit_test(test_the_dynamic_section_is_found_as_the_loader_finds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
