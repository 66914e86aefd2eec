/* For the files *_tmpl.c, which meson compiles once an element type: REFERENCE_ELEMENT is f32, f64 or i32.
 *
 * KERNEL(ADD) { ... } defines reference_ADD_f32 or reference_ADD_f64. Every row of ops.def is declared here and entered
 * in the table by table_tmpl.c, so an op without a kernel does not link.
 * Arithmetic is in double and rounded once into the element type, except where an op is EXACT in ops.def.
 */
#ifndef REFERENCE_TEMPLATE_H
#define REFERENCE_TEMPLATE_H

#include "reference.h"

typedef float reference_element_f32;
typedef double reference_element_f64;
typedef int32_t reference_element_i32;

#define REFERENCE_PASTE_(a, b) a##_##b
#define REFERENCE_PASTE(a, b)  REFERENCE_PASTE_(a, b)
#define KERNEL_NAME(NAME)      REFERENCE_PASTE(reference_##NAME, REFERENCE_ELEMENT)
#define KERNEL(NAME)                                                                                                   \
    orr_status KERNEL_NAME(NAME)(struct orr_device * dev REFERENCE_UNUSED, const struct orr_call *call,                \
                                 struct orr_error *err REFERENCE_UNUSED)

typedef REFERENCE_PASTE(reference_element, REFERENCE_ELEMENT) element;

#define ORR_OP(id, NAME, ...) KERNEL(NAME);
#include "orrery/ops.def"
#undef ORR_OP

#endif
