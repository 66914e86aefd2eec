/* The counting loader of opencl_counts.h: stands in for libOpenCL by being in the program, as a preloaded tool does. */
#define CL_TARGET_OPENCL_VERSION 120
#include "opencl_counts.h"

#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct opencl_counts opencl_counts;

static void *real(const char *name)
{
    static void *library;
    if (!library) library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, name) : NULL;
    if (!found) {
        fprintf(stderr, "libOpenCL.so.1 has no %s\n", name);
        exit(1);
    }
    return found;
}

/* The function of that name in the real library. */
#define REAL(function, type)                                                                                           \
    static __typeof__(function) *function##_real;                                                                      \
    if (!function##_real) *(void **)&function##_real = real(#function);                                                \
    ++opencl_counts.type

#define ANYBODY __attribute__((visibility("default")))

ANYBODY cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *platform, cl_uint *n)
{
    REAL(clGetPlatformIDs, other);
    return clGetPlatformIDs_real(room, platform, n);
}

ANYBODY cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    REAL(clCreateKernel, created);
    return clCreateKernel_real(program, name, code);
}

ANYBODY cl_int clReleaseKernel(cl_kernel kernel)
{
    REAL(clReleaseKernel, released);
    return clReleaseKernel_real(kernel);
}

ANYBODY cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    REAL(clCreateBuffer, created);
    return clCreateBuffer_real(context, flags, size, host, code);
}

ANYBODY cl_mem clCreateSubBuffer(cl_mem memory, cl_mem_flags flags, cl_buffer_create_type type, const void *region,
                                 cl_int *code)
{
    REAL(clCreateSubBuffer, created);
    return clCreateSubBuffer_real(memory, flags, type, region, code);
}

ANYBODY cl_int clRetainMemObject(cl_mem memory)
{
    REAL(clRetainMemObject, created);
    return clRetainMemObject_real(memory);
}

ANYBODY cl_int clReleaseMemObject(cl_mem memory)
{
    REAL(clReleaseMemObject, released);
    return clReleaseMemObject_real(memory);
}

ANYBODY cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    REAL(clSetKernelArg, arguments);
    return clSetKernelArg_real(kernel, index, size, value);
}

ANYBODY cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                                      const size_t *items, const size_t *group, cl_uint n, const cl_event *after,
                                      cl_event *event)
{
    REAL(clEnqueueNDRangeKernel, launches);
    return clEnqueueNDRangeKernel_real(queue, kernel, dims, offset, items, group, n, after, event);
}

ANYBODY cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t at, size_t size,
                                   void *to, cl_uint n, const cl_event *after, cl_event *event)
{
    REAL(clEnqueueReadBuffer, transfers);
    return clEnqueueReadBuffer_real(queue, memory, wait, at, size, to, n, after, event);
}

ANYBODY cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t at, size_t size,
                                    const void *from, cl_uint n, const cl_event *after, cl_event *event)
{
    REAL(clEnqueueWriteBuffer, transfers);
    return clEnqueueWriteBuffer_real(queue, memory, wait, at, size, from, n, after, event);
}

ANYBODY cl_int clFinish(cl_command_queue queue)
{
    REAL(clFinish, waits);
    return clFinish_real(queue);
}
