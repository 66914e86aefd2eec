/* A recorded program: launches with kernels and arguments of their own, in order, so that executing it is nothing but
 * putting them into the queue. Filled in by opencl_launch and its kin while dev->recording is set. */
#ifndef OPENCL_RECORD_H
#define OPENCL_RECORD_H

#include "product.h"

/* One command: a launch, or, where kernel is NULL, what another library queues. */
struct opencl_entry {
    cl_kernel kernel;
    const char *name;
    size_t offset, items, group;
    uint64_t visits;
    bool last; /* that uses its kernel */
    struct opencl_foreign foreign;
    size_t call; /* which it is for; before grouping, as counted by prepare */
    uint32_t op;
};

struct opencl_record {
    struct opencl_entry *entry;
    size_t count, room;
    cl_mem *memory; /* kept alive: what entries are bound to and nobody else owns */
    size_t memories, memory_room;
    struct opencl_join *join; /* still to be done */
    size_t *join_call;
    size_t joins, join_room;
    uint64_t partials, most_partials;                       /* floats in use and at most in use */
    size_t calls, call;                                     /* of the program; being recorded */
    uint32_t op;                                            /* of the call being recorded */
    struct opencl_product_tally products[OPENCL_PROVIDERS]; /* of one execution */
    struct orr_buffer constants;                            /* memory NULL: none */
    cl_event *event;                                        /* two for each entry; NULL unless times are taken */
    bool timed;                                             /* the last execution has events */
};

/* array (of *room entries of `size` bytes, of which `count` are used) with room for one more, or NULL; array as it was.
 */
void *opencl_grow(void *array, size_t count, size_t *room, size_t size);

/* NULL when there is no memory for it. */
struct opencl_record *opencl_record_create(size_t calls);
void opencl_record_destroy(struct orr_device *dev, struct opencl_record *record); /* NULL is fine */

/* One more entry; the record owns its kernel, or its state, from then on, also on failure. */
ORR_CHECKED orr_status opencl_record_add(struct orr_device *dev, const struct opencl_entry *entry,
                                         struct orr_error *err);

/* The record keeps memory alive and gives it back when it is destroyed. retain: it is somebody else's too. */
ORR_CHECKED orr_status opencl_record_keep(struct opencl_record *record, cl_mem memory, bool retain,
                                          struct orr_error *err);

/* Queue all entries. */
ORR_CHECKED orr_status opencl_record_execute(struct orr_device *dev, struct opencl_record *record,
                                             struct orr_error *err);

/* Seconds on the device's clock for each of record->calls calls, in the last execution. */
ORR_CHECKED orr_status opencl_record_elapsed(struct orr_device *dev, struct opencl_record *record, double *seconds,
                                             struct orr_error *err);

/* --- sums in two passes (join.c) --------------------------------------------------------------------------------- */

/* Do what opencl_join has put off, when bytes [from, to) of memory are among it; memory NULL: in any case. */
ORR_CHECKED orr_status opencl_join_before(struct orr_device *dev, cl_mem memory, uint64_t from, uint64_t to,
                                          struct orr_error *err);
ORR_CHECKED orr_status opencl_join_all(struct orr_device *dev, struct orr_error *err);

#endif
