/* Keeps every buffer, in tests that run under Oclgrind 21.10: whether a value was written it remembers by the buffer's
 * number, which a later, larger buffer gets again, but not its larger size.
 *
 * In: a backend that takes its functions from the program first, which it does only where a tool is preloaded.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

__attribute__((visibility("default"))) cl_int clReleaseMemObject(cl_mem memory)
{
    (void)memory;
    return CL_SUCCESS;
}
