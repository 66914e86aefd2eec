/* What is not arithmetic: devices, buffers, refusals, memory over many steps; and the null backend. */
#include "reference_fixture.h"

#include <string.h>

static void describes_one_device(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_device_info info = {.size = sizeof info};
    assert_int_equal(fixture_backend->device_count(), 1);
    assert_int_equal(fixture_backend->device_info(0, &info, &err), ORR_OK);
    assert_string_equal(info.name, "reference");
    assert_int_equal(info.dtypes, 1u << ORR_F32 | 1u << ORR_F64 | 1u << ORR_I32);
    assert_int_equal(info.align, 64);
    assert_int_equal(info.max_alloc, 0);
    assert_false(info.plans_scratch);
    assert_int_equal(fixture_backend->device_info(1, &info, &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "device 1"));
    struct orr_device *dev = NULL;
    assert_int_equal(fixture_backend->open(1, NULL, &dev, &err), ORR_EINVAL);
    assert_null(dev);
}

/* An engine older than the plugin has a shorter struct: what follows it is not written. */
static void writes_no_further_than_the_size(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_device_info info;
    memset(&info, 0x55, sizeof info);
    info.size = offsetof(struct orr_device_info, vendor);
    assert_int_equal(fixture_backend->device_info(0, &info, &err), ORR_OK);
    assert_int_equal(info.size, offsetof(struct orr_device_info, vendor));
    assert_string_equal(info.name, "reference");
    assert_int_equal(info.vendor[0], 0x55);
}

static void check_buffers(const struct orr_backend_ops *backend)
{
    struct orr_error err = {0};
    struct orr_device *dev = NULL;
    struct orr_buffer *buffer = NULL, *empty = NULL;
    const char text[] = "orrery";
    char back[sizeof text] = {0};
    assert_int_equal(backend->open(0, NULL, &dev, &err), ORR_OK);
    assert_int_equal(backend->alloc(dev, 0, &empty, &err), ORR_OK);
    assert_int_equal(backend->write(dev, empty, 0, text, 0, &err), ORR_OK);
    assert_int_equal(backend->write(dev, empty, 0, text, 1, &err), ORR_EINVAL);
    assert_int_equal(backend->alloc(dev, 100, &buffer, &err), ORR_OK);
    assert_int_equal(backend->write(dev, buffer, 100 - sizeof text, text, sizeof text, &err), ORR_OK);
    assert_int_equal(backend->read(dev, buffer, 100 - sizeof text, back, sizeof text, &err), ORR_OK);
    assert_string_equal(back, text);
    assert_int_equal(backend->write(dev, buffer, 101 - sizeof text, text, sizeof text, &err), ORR_EINVAL);
    assert_int_equal(backend->read(dev, buffer, 101, back, 0, &err), ORR_EINVAL);
    assert_int_equal(backend->read(dev, buffer, SIZE_MAX, back, 2, &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "ends at 100"));
    assert_int_equal(backend->finish(dev, &err), ORR_OK);
    backend->free(dev, buffer);
    backend->free(dev, empty);
    backend->free(dev, NULL);
    backend->close(dev);
}

static void reads_what_was_written(void **state)
{
    (void)state;
    check_buffers(fixture_backend);
    check_buffers(fixture_load("null")->ops);
}

static struct orr_call addition(void)
{
    const struct orr_tensor t = {.rank = 1, .dim = {4}, .dtype = ORR_F32};
    return (struct orr_call){
        .size = sizeof(struct orr_call), .op = ORR_OP_ADD, .n_in = 2, .n_out = 1, .in = {t, t}, .out = {t}};
}

static void supports_what_it_can_run(void **state)
{
    (void)state;
    struct orr_call call = addition();
    assert_true(fixture_backend->supports(fixture_device, &call));
    call.in[1].dtype = ORR_F64;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call = addition();
    call.in[0].dtype = call.in[1].dtype = call.out[0].dtype = ORR_F16;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call.in[0].dtype = call.in[1].dtype = call.out[0].dtype = ORR_I32;
    assert_true(fixture_backend->supports(fixture_device, &call));
    call.op = ORR_OP_SUB;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call = addition();
    call.n_in = 1;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call = addition();
    call.op = ORR_OP_COUNT_;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call.op = 0;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call = addition();
    call.out[0].dim[0] = 5;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call.out[0].dim[0] = call.in[0].dim[0] = call.in[1].dim[0] = -1;
    assert_false(fixture_backend->supports(fixture_device, &call));
    call.out[0].rank = call.in[0].rank = call.in[1].rank = 5;
    assert_false(fixture_backend->supports(fixture_device, &call));
}

static void expect_refusal(const struct orr_call *call, const char *part)
{
    struct orr_error err = {0};
    const orr_status status = fixture_backend->run(fixture_device, call, &err);
    if (status != ORR_EINVAL || !strstr(err.text, part))
        fail_msg("status %d, text '%s'; expected %d and '%s'", (int)status, err.text, (int)ORR_EINVAL, part);
}

/* What an engine with a fault might hand over: no memory, memory that ends early, memory that overlaps. */
static void refuses_wrong_memory(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_buffer *buffer = NULL;
    assert_int_equal(fixture_backend->alloc(fixture_device, 48, &buffer, &err), ORR_OK);
    struct orr_call call = addition();
    expect_refusal(&call, "input 0 has no buffer");
    call.in[0].buffer = call.in[1].buffer = call.out[0].buffer = buffer;
    call.in[1].offset = 16;
    call.out[0].offset = 36;
    expect_refusal(&call, "result 0 is 16 bytes at 36 of a buffer of 48");
    call.out[0].offset = UINT64_MAX - 3;
    expect_refusal(&call, "of a buffer of 48");
    call.out[0].offset = 30;
    expect_refusal(&call, "multiple");
    call.out[0].offset = 28;
    expect_refusal(&call, "result 0 overlaps input 1");
    call.out[0].offset = 4;
    expect_refusal(&call, "result 0 overlaps input 0");
    call.out[0].offset = 16; /* on input 1, where the row allows input 0 */
    expect_refusal(&call, "result 0 overlaps input 1");
    call.out[0].offset = 32;
    assert_int_equal(fixture_backend->run(fixture_device, &call, &err), ORR_OK);
    fixture_backend->free(fixture_device, buffer);
}

/* The second run of the hungriest operations allocates nothing. */
static void allocates_nothing_when_repeated(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_buffer *buffer = NULL;
    assert_int_equal(fixture_backend->alloc(fixture_device, 1 << 16, &buffer, &err), ORR_OK);
    const struct orr_tensor square = {.buffer = buffer, .rank = 2, .dim = {40, 40}, .dtype = ORR_F32};
    struct orr_call call = {.size = sizeof call, .op = ORR_OP_MATMUL, .n_in = 2, .n_out = 1};
    call.in[0] = call.in[1] = call.out[0] = square;
    call.in[1].offset = 8192;
    call.out[0].offset = 16384;
    struct orr_device *dev = NULL;
    assert_int_equal(fixture_backend->open(0, NULL, &dev, &err), ORR_OK);
    const unsigned before = fixture_allocations;
    assert_int_equal(fixture_backend->run(dev, &call, &err), ORR_OK);
    assert_int_equal(fixture_allocations, before + 1);
    for (int i = 0; i < 3; ++i) {
        call.op = i ? ORR_OP_SOFTMAX_GRAD : ORR_OP_MATMUL;
        assert_int_equal(fixture_backend->run(dev, &call, &err), ORR_OK);
    }
    assert_int_equal(fixture_allocations, before + 1);
    fixture_backend->close(dev);
    fixture_backend->free(fixture_device, buffer);
}

/* Accepts whatever is asked, changes nothing. */
static void null_computes_nothing(void **state)
{
    (void)state;
    const struct orr_plugin *plugin = fixture_load("null");
    const struct orr_backend_ops *backend = plugin->ops;
    assert_string_equal(plugin->name, "null");
    struct orr_error err = {0};
    struct orr_device *dev = NULL;
    struct orr_buffer *buffer = NULL;
    float memory[4] = {1, 2, 3, 4}, after[4] = {0};
    assert_int_equal(backend->open(0, NULL, &dev, &err), ORR_OK);
    assert_int_equal(backend->alloc(dev, sizeof memory, &buffer, &err), ORR_OK);
    assert_int_equal(backend->write(dev, buffer, 0, memory, sizeof memory, &err), ORR_OK);
    struct orr_call call = addition();
    assert_true(backend->supports(dev, &call));
    call.in[0].buffer = call.in[1].buffer = call.out[0].buffer = buffer;
    assert_int_equal(backend->run(dev, &call, &err), ORR_OK);
    assert_int_equal(backend->finish(dev, &err), ORR_OK);
    assert_int_equal(backend->read(dev, buffer, 0, after, sizeof after, &err), ORR_OK);
    assert_memory_equal(after, memory, sizeof after);
    backend->free(dev, buffer);
    backend->close(dev);
    assert_int_equal(backend->open(1, NULL, &dev, &err), ORR_EINVAL);
}

int test_reference_device(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(describes_one_device, fixture_setup),
        cmocka_unit_test_setup(writes_no_further_than_the_size, fixture_setup),
        cmocka_unit_test_setup(reads_what_was_written, fixture_setup),
        cmocka_unit_test_setup(supports_what_it_can_run, fixture_setup),
        cmocka_unit_test_setup(refuses_wrong_memory, fixture_setup),
        cmocka_unit_test_setup(allocates_nothing_when_repeated, fixture_setup),
        cmocka_unit_test_setup(null_computes_nothing, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference device", tests, fixture_open, fixture_close);
}
