/* The reference backend, family by family; at the end, that no row of ops.def was left out. */
#include "reference_fixture.h"

int main(void)
{
    static const struct CMUnitTest coverage[] = {cmocka_unit_test(fixture_check_coverage)};
    int failed = 0;
    failed += test_reference_elementwise();
    failed += test_reference_move();
    failed += test_reference_rows();
    failed += test_reference_product();
    failed += test_reference_activation();
    failed += test_reference_softmax();
    failed += test_reference_norm();
    failed += test_reference_attention();
    failed += test_reference_loss();
    failed += test_reference_random();
    failed += test_reference_device();
    failed += cmocka_run_group_tests_name("reference coverage", coverage, NULL, NULL);
    return failed != 0;
}
