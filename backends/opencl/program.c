/* Building programs from the embedded kernels, and launching what is in them. */
#include "record.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One family, built for one DEPTH: of a head, a row, a tile or a vector; 0 where the kernels want none. */
struct opencl_program {
    struct opencl_program *next;
    const char *const *source; /* which family */
    int depth;
    cl_program program;
    cl_kernel kernel[OPENCL_KERNELS]; /* those of the family */
    size_t group[OPENCL_KERNELS];     /* work-items of a group */
    size_t most[OPENCL_KERNELS];      /* that it may have */
    size_t members;                   /* GROUP of kernels/group.h: OPENCL_GROUP, or what every kernel may have */
};

struct kernel_row {
    const char *family, *name;
    const char *const *source;
    uint32_t n_buffers;
    size_t params_size;
};

#define KERNEL(family, ...) extern const char *const opencl_source_##family[];
#include "kernels.def"
#undef KERNEL

static const struct kernel_row rows[OPENCL_KERNELS] = {
#define KERNEL(family, name, n_buffers, params)                                                                        \
    {#family, #family "_" #name, opencl_source_##family, n_buffers, sizeof(struct params_##params)},
#include "kernels.def"
#undef KERNEL
};

/* The first line that speaks of an error, else the first line, of what the driver's compiler said. */
static void first_error(struct orr_device *dev, cl_program program, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    cl.clGetProgramBuildInfo(program, dev->found->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &length);
    char *log = opencl_host->alloc(length + 1, 64);
    if (!log) return;
    log[0] = '\0';
    cl.clGetProgramBuildInfo(program, dev->found->device, CL_PROGRAM_BUILD_LOG, length, log, NULL);
    log[length] = '\0';
    const char *line = strcasestr(log, "error");
    while (line && line > log && line[-1] != '\n')
        --line;
    if (!line) line = log;
    snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
    opencl_host->dealloc(log);
}

void opencl_compiling(struct orr_device *dev, const char *what)
{
    if (dev->told) return;
    opencl_host->log(ORR_LOG_INFO, "opencl", "compiling kernels, which on first use takes a while (%s first)", what);
    dev->told = true;
}

static orr_status build(struct orr_device *dev, const struct kernel_row *row, int depth, size_t members,
                        cl_program *out, struct orr_error *err)
{
    char options[64], said[300];
    cl_int code = CL_SUCCESS;
    cl_uint lines = 0;
    while (row->source[lines])
        ++lines;
    snprintf(options, sizeof options, "-cl-std=CL1.2 -DGROUP=%zu -DDEPTH=%d", members, depth);
    /* The loader takes pointers to what it does not write. */
    cl_program program =
        cl.clCreateProgramWithSource(dev->context, lines, (const char **)(uintptr_t)row->source, NULL, &code);
    if (!program) return opencl_fail(err, "clCreateProgramWithSource", code, row->family);
    opencl_compiling(dev, row->family);
    code = cl.clBuildProgram(program, 1, &dev->found->device, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        first_error(dev, program, said, sizeof said);
        cl.clReleaseProgram(program);
        return OPENCL_FAIL(err, ORR_EDEVICE, "kernels/%s.cl: clBuildProgram returned %s (%d): %s", row->family,
                           opencl_code_name(code), code, said[0] ? said : "the driver gave no reason");
    }
    *out = program;
    return ORR_OK;
}

/* The group is OPENCL_GROUP items, or what device and kernel allow where that is less. */
static orr_status create_kernels(struct orr_device *dev, struct opencl_program *p, struct orr_error *err)
{
    for (size_t k = 0; k < OPENCL_KERNELS; ++k) {
        if (rows[k].source != p->source) continue;
        cl_int code = CL_SUCCESS;
        size_t most = 0;
        p->kernel[k] = cl.clCreateKernel(p->program, rows[k].name, &code);
        if (!p->kernel[k]) return opencl_fail(err, "clCreateKernel", code, rows[k].name);
        OPENCL_CALL(rows[k].name, clGetKernelWorkGroupInfo, p->kernel[k], dev->found->device, CL_KERNEL_WORK_GROUP_SIZE,
                    sizeof most, &most, NULL);
        p->most[k] = most;
        p->group[k] = most < 1 ? 1 : most < OPENCL_GROUP ? most : OPENCL_GROUP;
    }
    return ORR_OK;
}

static void release_kernels(struct opencl_program *p)
{
    for (size_t k = 0; k < OPENCL_KERNELS; ++k)
        if (p->kernel[k]) cl.clReleaseKernel(p->kernel[k]);
    memset(p->kernel, 0, sizeof p->kernel);
    if (p->program) cl.clReleaseProgram(p->program);
    p->program = NULL;
}

static void release(struct opencl_program *p)
{
    release_kernels(p);
    opencl_host->dealloc(p);
}

/* The members of a group of this family work together; another's only divide the range. */
static bool is_of_groups(const struct kernel_row *row)
{
    const char *end = strrchr(row->family, '_');
    return end && strcmp(end, "_groups") == 0;
}

/* Built again for smaller groups while one of its kernels may not have such large ones: what a driver allows is known
 * only of a kernel that it has compiled. */
static orr_status build_fitting(struct orr_device *dev, const struct kernel_row *row, struct opencl_program *p,
                                struct orr_error *err)
{
    for (p->members = OPENCL_GROUP;; p->members /= 2) {
        size_t least = OPENCL_GROUP;
        OPENCL_TRY(build(dev, row, p->depth, p->members, &p->program, err));
        OPENCL_TRY(create_kernels(dev, p, err));
        for (size_t k = 0; k < OPENCL_KERNELS; ++k)
            if (p->kernel[k] && p->most[k] < least) least = p->most[k];
        if (!is_of_groups(row) || least >= p->members || p->members == 1) return ORR_OK;
        release_kernels(p);
    }
}

void opencl_programs_release(struct orr_device *dev)
{
    while (dev->programs) {
        struct opencl_program *p = dev->programs;
        dev->programs = p->next;
        release(p);
    }
}

static struct opencl_program *find(const struct orr_device *dev, enum opencl_kernel kernel, int depth)
{
    struct opencl_program *p = dev->programs;
    while (p && (p->source != rows[kernel].source || p->depth != depth))
        p = p->next;
    return p;
}

/* The program of a kernel, built now if it is new. */
static orr_status obtain(struct orr_device *dev, enum opencl_kernel kernel, int depth, struct opencl_program **out,
                         struct orr_error *err)
{
    *out = find(dev, kernel, depth);
    if (*out) return ORR_OK;
    struct opencl_program *p = opencl_host->alloc(sizeof *p, 64);
    if (!p) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a program", sizeof *p);
    *p = (struct opencl_program){.source = rows[kernel].source, .depth = depth};
    const orr_status status = build_fitting(dev, &rows[kernel], p, err);
    if (status != ORR_OK) {
        release(p);
        return status;
    }
    p->next = dev->programs;
    dev->programs = *out = p;
    return ORR_OK;
}

orr_status opencl_group_most(struct orr_device *dev, enum opencl_kernel kernel, int depth, size_t *most,
                             struct orr_error *err)
{
    struct opencl_program *p = NULL;
    OPENCL_TRY(obtain(dev, kernel, depth, &p, err));
    *most = p->most[kernel];
    return ORR_OK;
}

static orr_status set_arguments(cl_kernel kernel, const struct kernel_row *row, const struct opencl_launch *launch,
                                struct orr_error *err)
{
    for (cl_uint b = 0; b < row->n_buffers; ++b)
        OPENCL_CALL(row->name, clSetKernelArg, kernel, b, sizeof(cl_mem), &launch->buffer[b]);
    OPENCL_CALL(row->name, clSetKernelArg, kernel, row->n_buffers, row->params_size, launch->params);
    return ORR_OK;
}

static uint64_t round_up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit * unit; }

/* The items from number `first` on, at most a piece of them. */
static struct opencl_entry piece_at(const struct opencl_launch *launch, uint64_t first, size_t group, uint64_t piece)
{
    const uint64_t left = launch->items - first, items = round_up(left < piece ? left : piece, group);
    return (struct opencl_entry){.name = rows[launch->kernel].name,
                                 .offset = (size_t)first,
                                 .items = (size_t)items,
                                 .group = group,
                                 .visits = items * (launch->visits ? launch->visits : 1),
                                 .last = left <= piece};
}

/* The launch as entries of the program that is being recorded, with a kernel of its own. */
static orr_status record_pieces(struct orr_device *dev, const struct opencl_program *p,
                                const struct opencl_launch *launch, size_t group, uint64_t piece, struct orr_error *err)
{
    const struct kernel_row *row = &rows[launch->kernel];
    cl_int code = CL_SUCCESS;
    const cl_kernel kernel = cl.clCreateKernel(p->program, row->name, &code);
    if (!kernel) return opencl_fail(err, "clCreateKernel", code, row->name);
    orr_status status = set_arguments(kernel, row, launch, err);
    bool given = false;
    for (uint64_t first = 0; first < launch->items && status == ORR_OK; first += piece) {
        struct opencl_entry entry = piece_at(launch, first, group, piece);
        entry.kernel = kernel;
        given = entry.last;
        status = opencl_record_add(dev, &entry, err);
    }
    if (!given) cl.clReleaseKernel(kernel);
    return status;
}

/* As many groups as asked for, of the members that the program is built for. */
static struct opencl_launch fit(const struct opencl_launch *asked, const struct opencl_program *p)
{
    struct opencl_launch launch = *asked;
    if (!is_of_groups(&rows[asked->kernel]) || asked->group != OPENCL_GROUP) return launch;
    launch.group = (uint32_t)p->members;
    launch.items = asked->items / OPENCL_GROUP * p->members;
    launch.visits = asked->visits * OPENCL_GROUP / p->members;
    return launch;
}

orr_status opencl_launch(struct orr_device *dev, const struct opencl_launch *asked, struct orr_error *err)
{
    const struct kernel_row *row = &rows[asked->kernel];
    if (asked->items == 0) return ORR_OK;
    struct opencl_program *p = NULL;
    OPENCL_TRY(obtain(dev, asked->kernel, asked->depth, &p, err));
    if (dev->rehearsing) return ORR_OK;
    const struct opencl_launch fitted = fit(asked, p), *launch = &fitted;
    cl_kernel kernel = p->kernel[launch->kernel];
    size_t group = p->group[launch->kernel];
    uint64_t fitting = dev->launch_work / (launch->visits ? launch->visits : 1);
    if (fitting == 0) fitting = 1;
    if (launch->group && p->most[launch->kernel] < launch->group)
        return OPENCL_FAIL(
            err, ORR_EUNSUPPORTED,
            "%s needs groups of %u items, and the device allows %zu: set ORRERY_KERNELS=rows, or where the "
            "driver is rusticl, which cannot compile those, take another",
            row->name, launch->group, p->most[launch->kernel]);
    if (launch->group)
        group = launch->group;
    else if (fitting < group)
        group = (size_t)fitting;
    const uint64_t piece = fitting < group ? group : fitting / group * group;
    if (dev->recording) return record_pieces(dev, p, launch, group, piece, err);
    OPENCL_TRY(set_arguments(kernel, row, launch, err));
    for (uint64_t first = 0; first < launch->items; first += piece) {
        const struct opencl_entry at = piece_at(launch, first, group, piece);
        OPENCL_CALL(row->name, clEnqueueNDRangeKernel, dev->queue, kernel, 1, &at.offset, &at.items, &at.group, 0, NULL,
                    NULL);
        OPENCL_TRY(opencl_queued(dev, 1, at.visits, err));
    }
    return ORR_OK;
}
