/* Trajectories from files: .csv, .npy and .safetensors, which columns become what, and every fault with its place. */
#include "data/recording.h"
#include "expect.h"
#include "io/safetensors.h"

#include <fcntl.h>
#include <math.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct orr_error err;
static char directory[256], path[300];

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(directory);
    return 0;
}

/* A file of this name, and what a recipe without other keys says about it. */
static struct orr_recording_config file(const char *name, const char *text)
{
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (text) write_bytes(path, text, strlen(text));
    return (struct orr_recording_config){.path = path};
}

static struct orr_recording *take(const struct orr_recording_config *config)
{
    struct orr_recording *recording = NULL;
    expect_ok(orr_recording_read(config, &recording, &err), &err);
    return recording;
}

#define refuse(config, code, ...)                                                                                      \
    do {                                                                                                               \
        struct orr_recording *none_;                                                                                   \
        expect_error(orr_recording_read(config, &none_, &err), &err, code, path, __VA_ARGS__);                         \
        assert_null(none_);                                                                                            \
    } while (0)

static void assert_columns(const struct orr_recording_columns *columns, const char *const *names, size_t n,
                           const double *numbers, size_t count)
{
    assert_int_equal(columns->count, n);
    for (size_t i = 0; i < n; ++i)
        assert_string_equal(columns->field[i].name, names[i]);
    for (size_t i = 0; i < count; ++i)
        if (!(fabs(columns->number[i] - numbers[i]) <= 0))
            fail_msg("number %zu: %.17g, expected %.17g", i, columns->number[i], numbers[i]);
}

#define NAMES(...)                                                                                                     \
    (const char *const[]) { __VA_ARGS__ }
#define NUMBERS(...)                                                                                                   \
    (const double[]) { __VA_ARGS__ }

/* ---- .csv ---- */

static const char two[] = "trajectory,step,time,x,y,m,f\n"
                          "0,0,0,1,2,7,5\n"
                          "0,1,0.5,3,4,7,6\n"
                          "4,0,0,5e-1,-6,8,7\n"
                          "4,1,0.5,.25,+8,8,7.5\n";

static void csv_gives_its_columns(void **state)
{
    (void)state;
    struct orr_recording_config config = file("a.csv", two);
    config.observed = NAMES("y", "x");
    config.n_observed = 2;
    struct orr_recording *r = take(&config);
    assert_int_equal(r->trajectories, 2);
    assert_int_equal(r->steps, 2);
    assert_true(r->time[0] >= 0 && r->time[1] >= 0.5 && r->time[1] <= 0.5);
    assert_columns(&r->observed, NAMES("y", "x"), 2, NUMBERS(2, 1, 4, 3, -6, 0.5, 8, 0.25), 8);
    assert_columns(&r->hidden, NAMES("f"), 1, NUMBERS(5, 6, 7, 7.5), 4);
    assert_columns(&r->constant, NAMES("m"), 1, NUMBERS(7, 8), 2);
    assert_null(r->simulator);
    assert_int_equal(strlen(r->checksum), 16);
    orr_recording_forget_numbers(r);
    assert_null(r->observed.number);
    assert_string_equal(r->constant.field[0].name, "m");
    orr_recording_destroy(r);
}

static void all_columns_are_observed_unless_said(void **state)
{
    (void)state;
    struct orr_recording_config config = file("a.csv", two);
    struct orr_recording *r = take(&config);
    assert_columns(&r->observed, NAMES("x", "y", "m", "f"), 4, NUMBERS(1, 2, 7, 5), 4);
    assert_int_equal(r->hidden.count + r->constant.count, 0);
    orr_recording_destroy(r);
    config.constant = NAMES("m");
    config.n_constant = 1;
    r = take(&config);
    assert_columns(&r->observed, NAMES("x", "y", "f"), 3, NUMBERS(1, 2, 5), 3);
    assert_columns(&r->constant, NAMES("m"), 1, NUMBERS(7, 8), 2);
    orr_recording_destroy(r);
}

static void csv_may_be_written_in_other_ways(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x,step,trajectory\r\n1,0,0\r\n2,1,0\r\n3,0,1\r\n4,1,1",
        "\"trajectory\",\"step\",\"x\"\n\"0\",\"0\",\"1\"\n0,1,2\n1,0,3\n1,1,4\n",
        "\xEF\xBB\xBFtrajectory,step,x\n7,0,1\n7,1,2\n9,0,3\n9,1,4\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        const struct orr_recording_config config = file("a.csv", texts[i]);
        struct orr_recording *r = take(&config);
        assert_columns(&r->observed, NAMES("x"), 1, NUMBERS(1, 2, 3, 4), 4);
        assert_true(r->time[1] >= 1 && r->time[1] <= 1);
        orr_recording_destroy(r);
    }
}

static void csv_of_one_trajectory_or_step(void **state)
{
    (void)state;
    struct orr_recording_config config = file("a.csv", "trajectory,step,x\n0,0,1\n0,1,2\n0,2,3\n");
    struct orr_recording *r = take(&config);
    assert_int_equal(r->trajectories, 1);
    assert_int_equal(r->steps, 3);
    orr_recording_destroy(r);
    config = file("a.csv", "trajectory,step,x\n0,0,1\n1,0,2\n2,0,3\n");
    r = take(&config);
    assert_int_equal(r->trajectories, 3);
    assert_int_equal(r->steps, 1);
    orr_recording_destroy(r);
}

static void faults_of_csv_name_the_line(void **state)
{
    (void)state;
#define HEAD "trajectory,step,x\n"
    static const struct {
        const char *text, *place, *what;
    } cases[] = {
        {"", "empty", "trajectory,step,x"},
        {HEAD, "no line after the header", "one line a point"},
        {"step,x\n0,1\n", "line 1", "no column \"trajectory\""},
        {"trajectory,x\n0,1\n", "line 1", "no column \"step\""},
        {HEAD "0,0,1\n0,1\n", "line 3", "2 fields, expected 3"},
        {HEAD "0,0,1\n0,1,2,3\n", "line 3", "4 fields, expected 3"},
        {HEAD "0,0,1\n\n", "line 3", "1 field, expected 3"},
        {HEAD "0,0,\n", "line 2, column \"x\"", "empty"},
        {HEAD "0,0,nan\n", "line 2, column \"x\"", "\"nan\" is not a finite decimal number"},
        {HEAD "0,0,1e999\n", "line 2, column \"x\"", "1e999"},
        {HEAD "0,0,inf\n", "line 2, column \"x\"", "inf"},
        {HEAD "0,0,0x10\n", "line 2, column \"x\"", "0x10"},
        {HEAD "0,0,1 \n", "line 2, column \"x\"", "\"1 \""},
        {HEAD "0,0,\"1,5\"\n", "line 2, column \"x\"", "1,5"},
        {HEAD "a,0,1\n", "line 2, column \"trajectory\"", "whole number from 0"},
        {HEAD "-1,0,1\n", "line 2, column \"trajectory\"", "whole number from 0"},
        {HEAD "0,0.5,1\n", "line 2, column \"step\"", "whole number from 0"},
        {HEAD "0,99999999999999999999,1\n", "line 2, column \"step\"", "whole number from 0"},
        {HEAD "0,1,1\n0,2,1\n", "line 2", "expected step 0"},
        {HEAD "0,0,1\n0,2,1\n", "line 3", "expected step 1"},
        {HEAD "0,0,1\n0,1,1\n0,0,1\n", "line 4", "expected step 2"},
        {HEAD "0,0,1\n0,1,1\n0,1,1\n", "line 4", "step 1 twice"},
        {HEAD "1,0,1\n1,1,1\n0,0,1\n", "line 4", "trajectory 0 comes after trajectory 1"},
        {HEAD "0,0,1\n0,1,1\n1,0,1\n2,0,1\n", "line 5", "trajectory 1 ends after 1 points, the first has 2"},
        {HEAD "0,0,1\n0,1,1\n1,0,1\n1,1,1\n1,2,1\n", "line 6", "more than the 2 points"},
        {HEAD "0,0,1\n0,1,1\n1,0,1\n", "the file ends after 1 points of trajectory 1", "cut short"},
        {"trajectory,step,time,x\n0,0,0,1\n0,1,1,1\n1,0,0,1\n1,1,2,1\n", "line 5", "step 1 has time 2, in the first"},
        {"trajectory,step,time,x\n0,0,0,1\n0,1,0.5,1\n0,2,0.5,1\n", "line 4: step 2 has time 0.5, the step before 0.5",
         "ascend"},
        {"trajectory,step,time,x\n0,0,0,1\n0,1,-1,1\n", "line 3: step 1 has time -1, the step before 0", "ascend"},
        {"trajectory,step,time,x\n0,0,t,1\n", "line 2, column \"time\"", "\"t\""},
        {"trajectory,step,x,x\n0,0,1,1\n", "two columns", "\"x\""},
        {"trajectory,step,x y\n0,0,1\n", "\"x y\"", "no name for a column"},
        {"trajectory,step,\n0,0,1\n", "\"\"", "no name for a column"},
        {"trajectory,step,x,step\n0,0,1,1\n", "\"step\"", "taken by the engine"},
        {HEAD "0,0,\"1\n", "line 2", "never closed"},
    };
#undef HEAD
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        const struct orr_recording_config config = file("a.csv", cases[i].text);
        refuse(&config, ORR_EFORMAT, cases[i].place, cases[i].what);
    }
}

static void recipes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct orr_recording_config bare = file("a.csv", "trajectory,step\n0,0\n");
    refuse(&bare, ORR_EFORMAT, "no column beside trajectory, step and time", "see");
    struct orr_recording_config config = file("a.csv", two);
    config.observed = NAMES("x", "z");
    config.n_observed = 2;
    refuse(&config, ORR_EINVAL, "data.observed", "\"z\" is not a column");
    config.observed = NAMES("x", "x");
    refuse(&config, ORR_EINVAL, "data.observed", "\"x\" twice");
    config.observed = NAMES("x");
    config.n_observed = 1;
    config.constant = NAMES("x");
    config.n_constant = 1;
    refuse(&config, ORR_EINVAL, "data.constant", "\"x\" is also in data.observed");
    config.constant = NAMES("f");
    refuse(&config, ORR_EFORMAT, "trajectory 0, step 1", "\"f\" is 6 and was 5 at step 0");
    config = file("a.csv", two);
    config.constant = NAMES("x", "y", "m", "f");
    config.n_constant = 4;
    refuse(&config, ORR_EINVAL, "no column is left", "data.constant");
    config = file("a.csv", two);
    config.columns = NAMES("x");
    config.n_columns = 1;
    refuse(&config, ORR_EINVAL, "the header names the columns", "data.columns");
    config = file("a.csv", two);
    config.tensor = "t";
    refuse(&config, ORR_EINVAL, "data.tensor", "leave");
    config = file("a.csv", two);
    config.checksum = "0123456789abcdef";
    refuse(&config, ORR_EINVAL, "0123456789abcdef", "another file");
    config = file("a.txt", two);
    refuse(&config, ORR_EINVAL, ".npy, .safetensors or .csv", "end");
    config = file("missing.csv", NULL);
    refuse(&config, ORR_EIO, "cannot be opened", "No such file");
    snprintf(path, sizeof path, "%s/d.csv", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    config.path = path;
    refuse(&config, ORR_EIO, "not a regular file", "");
}

/* ---- .npy ---- */

static struct orr_recording_config npy(uint32_t dtype, uint32_t rank, const int64_t *dim, void *data)
{
    struct orr_array array = {.dtype = dtype, .rank = rank, .data = data};
    memcpy(array.dim, dim, rank * sizeof *dim);
    const struct orr_recording_config config = file("a.npy", NULL);
    expect_ok(orr_npy_write(path, &array, &err), &err);
    return config;
}

static void npy_of_both_widths(void **state)
{
    (void)state;
    const int64_t dim[] = {2, 2, 3};
    float narrow[] = {1, 2, 9, 3, 4, 9, 5, 6, 8, 7, 8, 8};
    double wide[12];
    for (size_t i = 0; i < 12; ++i)
        wide[i] = (double)narrow[i];
    for (int k = 0; k < 2; ++k) {
        struct orr_recording_config config = k ? npy(ORR_NPY_F64, 3, dim, wide) : npy(ORR_NPY_F32, 3, dim, narrow);
        struct orr_recording *r = take(&config);
        assert_columns(&r->observed, NAMES("x0", "x1", "x2"), 3, wide, 12);
        assert_true(r->time[1] >= 1 && r->time[1] <= 1);
        orr_recording_destroy(r);
        config.columns = NAMES("x", "y", "m");
        config.n_columns = 3;
        config.observed = NAMES("x");
        config.n_observed = 1;
        r = take(&config);
        assert_columns(&r->observed, NAMES("x"), 1, NUMBERS(1, 3, 5, 7), 4);
        assert_columns(&r->hidden, NAMES("y"), 1, NUMBERS(2, 4, 6, 8), 4);
        assert_columns(&r->constant, NAMES("m"), 1, NUMBERS(9, 8), 2);
        orr_recording_destroy(r);
    }
}

/* float64, most significant byte first, as numpy.save writes numpy.array([[[1.], [-2.]]], dtype='>f8'). */
static void npy_of_the_other_byte_order(void **state)
{
    (void)state;
    char bytes[128 + 16];
    static const char header[] = "{'descr': '>f8', 'fortran_order': False, 'shape': (1, 2, 1), }";
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(bytes + 10, header, sizeof header - 1);
    bytes[127] = '\n';
    memcpy(bytes + 128, "\x3F\xF0\0\0\0\0\0\0\xC0\0\0\0\0\0\0", 16);
    const struct orr_recording_config config = file("a.npy", NULL);
    write_bytes(path, bytes, sizeof bytes);
    struct orr_recording *r = take(&config);
    assert_columns(&r->observed, NAMES("x0"), 1, NUMBERS(1, -2), 2);
    orr_recording_destroy(r);
}

static void faults_of_npy_name_the_place(void **state)
{
    (void)state;
    double data[] = {1, 2, 3, 4, 5, (double)NAN, 7, 8};
    int64_t whole[8] = {0};
    struct orr_recording_config config = npy(ORR_NPY_F64, 3, (int64_t[]){2, 2, 2}, data);
    refuse(&config, ORR_EFORMAT, "trajectory 1, step 0, column \"x1\"", "nan");
    data[5] = (double)INFINITY;
    config = npy(ORR_NPY_F64, 3, (int64_t[]){2, 2, 2}, data);
    refuse(&config, ORR_EFORMAT, "trajectory 1, step 0, column \"x1\"", "inf");
    config = npy(ORR_NPY_F64, 2, (int64_t[]){4, 2}, data);
    refuse(&config, ORR_EFORMAT, "2 dimensions", "(trajectories, steps, columns)");
    config = npy(ORR_NPY_F64, 3, (int64_t[]){0, 2, 2}, data);
    refuse(&config, ORR_EFORMAT, "(0, 2, 2)", "1 to");
    config = npy(ORR_NPY_I64, 3, (int64_t[]){2, 2, 2}, whole);
    refuse(&config, ORR_EFORMAT, "whole numbers", "float32 or float64");
    data[5] = 6;
    config = npy(ORR_NPY_F64, 3, (int64_t[]){2, 2, 2}, data);
    config.columns = NAMES("x");
    config.n_columns = 1;
    refuse(&config, ORR_EINVAL, "data.columns has 1 names", "2 columns");
    config = file("a.npy", "no array");
    refuse(&config, ORR_EFORMAT, "not a .npy file", "NUMPY");
}

/* ---- .safetensors ---- */

struct tensors {
    struct orr_safetensors *set;
    double time[2], observed[4], hidden[8], constant[2];
};

static void own_tensors(struct tensors *t)
{
    *t = (struct tensors){
        .time = {0, 0.5}, .observed = {1, 2, 3, 4}, .hidden = {5, 6, 7, 8, 9, 10, 11, 12}, .constant = {13, 14}};
    expect_ok(orr_safetensors_create(&t->set, &err), &err);
    expect_ok(orr_safetensors_add(t->set, "time", ORR_NPY_F64, 1, (int64_t[]){2}, t->time, &err), &err);
    expect_ok(orr_safetensors_add(t->set, "observed", ORR_NPY_F64, 3, (int64_t[]){2, 2, 1}, t->observed, &err), &err);
    expect_ok(orr_safetensors_add(t->set, "hidden", ORR_NPY_F64, 3, (int64_t[]){2, 2, 2}, t->hidden, &err), &err);
    expect_ok(orr_safetensors_add(t->set, "constant", ORR_NPY_F64, 2, (int64_t[]){2, 1}, t->constant, &err), &err);
    static const char *const metadata[][2] = {
        {"format", "orrery-dataset-1"},
        {"simulator", "pendulum"},
        {"version", "3"},
        {"parameters", "{\"length\":1.5}"},
        {"seed", "77"},
        {"columns",
         "{\"observed\":[{\"name\":\"x\",\"unit\":\"length\"}],\"hidden\":[{\"name\":\"v\",\"unit\":\"length/time\"},"
         "{\"name\":\"f\",\"unit\":\"1\"}],\"constant\":[{\"name\":\"m\",\"unit\":\"mass\"}]}"},
    };
    for (size_t i = 0; i < sizeof metadata / sizeof *metadata; ++i)
        expect_ok(orr_safetensors_set_metadata(t->set, metadata[i][0], metadata[i][1], &err), &err);
}

static struct orr_recording_config save(struct tensors *t)
{
    const struct orr_recording_config config = file("a.safetensors", NULL);
    expect_ok(orr_safetensors_save(t->set, path, &err), &err);
    orr_safetensors_destroy(t->set);
    return config;
}

static void own_safetensors_remember_their_origin(void **state)
{
    (void)state;
    struct tensors t;
    own_tensors(&t);
    const struct orr_recording_config config = save(&t);
    struct orr_recording *r = take(&config);
    assert_columns(&r->observed, NAMES("x"), 1, NUMBERS(1, 2, 3, 4), 4);
    assert_columns(&r->hidden, NAMES("v", "f"), 2, t.hidden, 8);
    assert_columns(&r->constant, NAMES("m"), 1, NUMBERS(13, 14), 2);
    assert_string_equal(r->hidden.field[0].unit, "length/time");
    assert_string_equal(r->simulator, "pendulum");
    assert_string_equal(r->version, "3");
    assert_string_equal(r->parameters, "{\"length\":1.5}");
    assert_int_equal(r->seed, 77);
    assert_true(r->time[1] >= 0.5 && r->time[1] <= 0.5);
    orr_recording_destroy(r);
}

static void faults_of_own_safetensors_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text, *what;
    } cases[] = {
        {"seed", "-1", "\"seed\""},
        {"seed", "many", "\"seed\""},
        {"parameters", "[1]", "\"parameters\""},
        {"parameters", "{", "\"parameters\""},
        {"columns", "{", "\"columns\""},
        {"columns", "{\"observed\":[]}", "\"hidden\""},
        {"columns", "{\"observed\":[{\"name\":7,\"unit\":\"1\"}]}", "observed column 0"},
        {"columns", "{\"observed\":[],\"hidden\":[],\"constant\":[]}", "tensor \"observed\""},
    };
    struct orr_recording_config config;
    struct tensors t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        own_tensors(&t);
        expect_ok(orr_safetensors_set_metadata(t.set, cases[i].key, cases[i].text, &err), &err);
        config = save(&t);
        refuse(&config, ORR_EFORMAT, cases[i].what, "");
    }
    for (size_t i = 0; i < 4; ++i) {
        own_tensors(&t);
        double *numbers[] = {t.time, t.observed, t.hidden, t.constant};
        numbers[i][1] = (double)NAN;
        config = save(&t);
        refuse(&config, ORR_EFORMAT, "nan", i == 3 ? "trajectory 1, step 0, column \"m\"" : "step");
    }
    own_tensors(&t);
    t.time[1] = 0;
    config = save(&t);
    refuse(&config, ORR_EFORMAT, "step 1 has time 0, the step before 0", "ascend");
    own_tensors(&t);
    config = save(&t);
    config.observed = NAMES("x");
    config.n_observed = 1;
    refuse(&config, ORR_EINVAL, "data.observed", "leave out");
}

static void a_foreign_tensor_is_chosen_by_name(void **state)
{
    (void)state;
    float numbers[] = {1, 2, 3, 4}, others[] = {5};
    struct tensors t;
    expect_ok(orr_safetensors_create(&t.set, &err), &err);
    expect_ok(orr_safetensors_add(t.set, "paths", ORR_NPY_F32, 3, (int64_t[]){1, 2, 2}, numbers, &err), &err);
    struct orr_recording_config config = save(&t);
    struct orr_recording *r = take(&config);
    assert_columns(&r->observed, NAMES("x0", "x1"), 2, NUMBERS(1, 2, 3, 4), 4);
    orr_recording_destroy(r);

    expect_ok(orr_safetensors_create(&t.set, &err), &err);
    expect_ok(orr_safetensors_add(t.set, "paths", ORR_NPY_F32, 3, (int64_t[]){1, 2, 2}, numbers, &err), &err);
    expect_ok(orr_safetensors_add(t.set, "other", ORR_NPY_F32, 1, (int64_t[]){1}, others, &err), &err);
    config = save(&t);
    refuse(&config, ORR_EINVAL, "2 tensors", "data.tensor");
    config.tensor = "none";
    refuse(&config, ORR_EINVAL, "no tensor \"none\"", "data.tensor");
    config.tensor = "other";
    refuse(&config, ORR_EFORMAT, "tensor \"other\"", "1 dimensions");
    config.tensor = "paths";
    r = take(&config);
    assert_int_equal(r->steps, 2);
    orr_recording_destroy(r);
}

/* ---- a file that changes ---- */

/* Stands before the C library's: the moment the file is opened, another takes its name. */
static const char *another;

ORR_EXPORT int open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
    if (another && strcmp(name, path) == 0) {
        assert_int_equal(rename(another, path), 0);
        another = NULL;
    }
    return fd;
}

static void the_checksum_is_of_what_was_parsed(void **state)
{
    (void)state;
    static const char first[] = "trajectory,step,x\n0,0,1\n0,1,2\n", second[] = "trajectory,step,x\n0,0,8\n0,1,9\n";
    char other[300], checksum[17];
    struct orr_recording_config config = file("b.csv", second);
    snprintf(other, sizeof other, "%s", path);
    config = file("a.csv", first);
    struct orr_recording *r = take(&config);
    memcpy(checksum, r->checksum, sizeof checksum);
    orr_recording_destroy(r);

    another = other;
    r = take(&config);
    assert_null(another);
    assert_columns(&r->observed, NAMES("x"), 1, NUMBERS(1, 2), 2);
    assert_string_equal(r->checksum, checksum);
    orr_recording_destroy(r);

    /* The other one is there now; where the first was asked for it is refused. */
    config.checksum = checksum;
    refuse(&config, ORR_EINVAL, checksum, "another file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(csv_gives_its_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_columns_are_observed_unless_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(csv_may_be_written_in_other_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(csv_of_one_trajectory_or_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_csv_name_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(recipes_that_do_not_fit_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(npy_of_both_widths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(npy_of_the_other_byte_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_npy_name_the_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_safetensors_remember_their_origin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_own_safetensors_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_tensor_is_chosen_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_checksum_is_of_what_was_parsed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
