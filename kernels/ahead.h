/* AHEAD(place): ask for memory that is used soon; there need be none, as after the end of a buffer. OpenCL's own
 * prefetch does nothing where this one works. */
#ifndef KERNELS_AHEAD_H
#define KERNELS_AHEAD_H

#if defined(__x86_64__) || defined(__aarch64__)
#define AHEAD(place) __builtin_prefetch(place)
#else
#define AHEAD(place)
#endif

#endif
