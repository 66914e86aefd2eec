/* SHA-256 against FIPS 180-4's examples and what sha256sum says of lengths around the ends of blocks. */
#include "base/sha256.h"
#include "expect.h"

#include <string.h>

static void test_digests(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *digest;
    } cases[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {55, "576a1bf8d4478657e6dc4af9398544765c2a92cde28478b019235cfed315fc09"},
        {56, "9b20501dfd1d99161c257950f3444f3e49230c351c5c8e0943ef369f85f5205d"},
        {63, "30b345906b493f06f69444b6521113511c242f30e29840462950035043682f1e"},
        {64, "d8bc63b4fc1156e5e7d95a418b9bf54cd3174bedbc2db40f74895349b229b3c0"},
        {65, "1ee23b0fbcaecc1aff4a9e8f1645f35ab2c8e13609cd73b68df8b5e3f63ce073"},
        {119, "7a6589821178918ca8d9edaba5abfc1e9b2669564f4469b66885379c1530b2c8"},
        {120, "655250427d56b1b0eeb8497d21428704273458a01772d6881b65c0abac0f8a98"},
        {1000, "89f4ff56a25dd1db06a4ce6033603775d705fb96f30f8693733fef602a1ca532"},
    };
    unsigned char data[1000];
    char digest[ORR_SHA256_SIZE];
    for (size_t i = 0; i < sizeof data; ++i)
        data[i] = (unsigned char)(i * 7);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        orr_sha256(data, cases[c].n, digest);
        if (strcmp(digest, cases[c].digest) != 0)
            fail_msg("%zu bytes: %s, expected %s", cases[c].n, digest, cases[c].digest);
    }
    orr_sha256("abc", 3, digest);
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
