/* Building programs from the embedded kernels, and launching what is in them. */
#include "device.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One family, built for one depth (0 but for attention). */
struct opencl_program {
    struct opencl_program *next;
    const char *const *source; /* which family */
    int depth;
    cl_program program;
    cl_kernel kernel[OPENCL_KERNELS]; /* those of the family */
    size_t group[OPENCL_KERNELS];     /* work-items of a group */
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

static orr_status build(struct orr_device *dev, const struct kernel_row *row, int depth, cl_program *out,
                        struct orr_error *err)
{
    char options[64] = "-cl-std=CL1.2", said[300];
    cl_int code = CL_SUCCESS;
    cl_uint lines = 0;
    while (row->source[lines])
        ++lines;
    if (depth) snprintf(options, sizeof options, "-cl-std=CL1.2 -DDEPTH=%d", depth);
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
        p->group[k] = most < 1 ? 1 : most < OPENCL_GROUP ? most : OPENCL_GROUP;
    }
    return ORR_OK;
}

static void release(struct opencl_program *p)
{
    for (size_t k = 0; k < OPENCL_KERNELS; ++k)
        if (p->kernel[k]) cl.clReleaseKernel(p->kernel[k]);
    if (p->program) cl.clReleaseProgram(p->program);
    opencl_host->dealloc(p);
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
    orr_status status = build(dev, &rows[kernel], depth, &p->program, err);
    if (status == ORR_OK) status = create_kernels(dev, p, err);
    if (status != ORR_OK) {
        release(p);
        return status;
    }
    p->next = dev->programs;
    dev->programs = *out = p;
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

orr_status opencl_launch(struct orr_device *dev, const struct opencl_launch *launch, struct orr_error *err)
{
    const struct kernel_row *row = &rows[launch->kernel];
    if (launch->items == 0) return ORR_OK;
    struct opencl_program *p = NULL;
    OPENCL_TRY(obtain(dev, launch->kernel, launch->depth, &p, err));
    if (dev->rehearsing) return ORR_OK;
    cl_kernel kernel = p->kernel[launch->kernel];
    size_t group = p->group[launch->kernel];
    uint64_t fitting = dev->launch_work / (launch->visits ? launch->visits : 1);
    if (fitting == 0) fitting = 1;
    if (fitting < group) group = (size_t)fitting;
    const uint64_t piece = fitting / group * group;
    OPENCL_TRY(set_arguments(kernel, row, launch, err));
    for (uint64_t first = 0; first < launch->items; first += piece) {
        const uint64_t left = launch->items - first;
        const size_t offset = (size_t)first, items = (size_t)round_up(left < piece ? left : piece, group);
        OPENCL_CALL(row->name, clEnqueueNDRangeKernel, dev->queue, kernel, 1, &offset, &items, &group, 0, NULL, NULL);
        OPENCL_TRY(opencl_queued(dev, 1, items * (launch->visits ? launch->visits : 1), err));
    }
    return ORR_OK;
}
