/* The version of the library, which the build hands over from meson.build. */
#include "orrery/orrery.h"

const char *orr_version(void) { return ORR_VERSION; }
