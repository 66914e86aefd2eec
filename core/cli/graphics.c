/* Graphics cards as the kernel offers them. */
#include "cli/graphics.h"

#include <glob.h>
#include <stddef.h>

const char *const orr_graphics_nodes[] = {"/dev/dri/renderD*", "/dev/kfd", "/dev/nvidia[0-9]*", NULL};

bool orr_graphics_offered(void)
{
    bool offered = false;
    for (size_t n = 0; !offered && orr_graphics_nodes[n]; ++n) {
        glob_t found = {.gl_pathc = 0};
        offered = glob(orr_graphics_nodes[n], 0, NULL, &found) == 0;
        globfree(&found);
    }
    return offered;
}
