/* Second passes of sums: what first passes have left is added up, for many results by one launch.
 *
 * In a program that is recorded joins are put off until somebody touches one of the results, or to the end; until then
 * their partial sums keep their room.
 */
#include "operations.h"
#include "record.h"

/* A second pass of one result, in a table that the kernel reads. */
struct row {
    cl_int item, from, chunks, count, y; /* item: the first that works on it */
};

static struct opencl_record *record_of(const struct orr_device *dev)
{
    return dev->rehearsing ? dev->rehearsal : dev->recording;
}

orr_status opencl_partials(struct orr_device *dev, uint64_t elements, struct opencl_partials *out,
                           struct orr_error *err)
{
    struct opencl_record *record = record_of(dev);
    /* Sixteen floats apart, as vectors of them are read. */
    const uint64_t rounded = (elements + 15) / 16 * 16;
    if (!record) {
        OPENCL_TRY(opencl_partials_reserve(dev, rounded, err));
        *out = (struct opencl_partials){dev->partials, 0};
        return ORR_OK;
    }
    if (record->partials + rounded > OPENCL_PARTIALS_MAX) OPENCL_TRY(opencl_join_all(dev, err));
    *out = (struct opencl_partials){dev->partials, (int)record->partials};
    record->partials += rounded;
    if (record->partials > record->most_partials) record->most_partials = record->partials;
    return ORR_OK;
}

static int items_of(const struct opencl_join *join) { return (join->count + JOIN_WIDTH - 1) / JOIN_WIDTH; }

static orr_status join_one(struct orr_device *dev, const struct opencl_join *join, struct orr_error *err)
{
    const struct params_join params = {.from = join->first,
                                       .chunks = join->chunks,
                                       .columns = join->count,
                                       .y = join->y_first,
                                       .count = items_of(join)};
    const struct opencl_launch launch = {.kernel = OPENCL_join_one,
                                         .params = &params,
                                         .items = (uint64_t)params.count,
                                         .visits = (uint64_t)join->chunks * JOIN_WIDTH,
                                         .buffer = {join->memory, join->y}};
    return opencl_launch(dev, &launch, err);
}

orr_status opencl_join(struct orr_device *dev, const struct opencl_join *join, struct orr_error *err)
{
    struct opencl_record *record = record_of(dev);
    if (join->count == 0) return ORR_OK;
    if (!record || join->memory != dev->partials) return join_one(dev, join, err);
    size_t room = record->join_room;
    struct opencl_join *joins = opencl_grow(record->join, record->joins, &room, sizeof *joins);
    if (joins) record->join = joins;
    size_t *calls = joins ? opencl_grow(record->join_call, record->joins, &record->join_room, sizeof *calls) : NULL;
    if (!calls) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: more than %zu sums", record->joins);
    record->join_call = calls;
    record->join[record->joins] = *join;
    record->join_call[record->joins++] = record->call;
    return ORR_OK;
}

/* The table of the joins into `y`, kept by the record. */
static orr_status make_table(struct orr_device *dev, cl_mem y, struct params_join *params, cl_mem *table,
                             uint64_t *most_chunks, struct orr_error *err)
{
    struct opencl_record *record = record_of(dev);
    struct row *row = opencl_host->alloc(record->joins * sizeof *row, 64);
    if (!row) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: a table of %zu sums", record->joins);
    for (size_t i = 0; i < record->joins; ++i) {
        const struct opencl_join *join = &record->join[i];
        if (join->y != y) continue;
        row[params->rows++] = (struct row){params->count, join->first, join->chunks, join->count, join->y_first};
        params->count += items_of(join);
        if ((uint64_t)join->chunks > *most_chunks) *most_chunks = (uint64_t)join->chunks;
    }
    if (dev->rehearsing) {
        opencl_host->dealloc(row);
        return ORR_OK;
    }
    cl_int code = CL_SUCCESS;
    *table = cl.clCreateBuffer(dev->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR,
                               (size_t)params->rows * sizeof *row, row, &code);
    opencl_host->dealloc(row);
    if (!*table) return opencl_fail(err, "clCreateBuffer", code, "a table of sums");
    return opencl_record_keep(record, *table, false, err);
}

static orr_status join_into(struct orr_device *dev, cl_mem y, struct orr_error *err)
{
    struct params_join params = {.rows = 0};
    cl_mem table = NULL;
    uint64_t most_chunks = 1;
    OPENCL_TRY(make_table(dev, y, &params, &table, &most_chunks, err));
    const struct opencl_launch launch = {.kernel = OPENCL_join_all,
                                         .params = &params,
                                         .items = (uint64_t)params.count,
                                         .visits = most_chunks * JOIN_WIDTH,
                                         .buffer = {dev->partials, y, table}};
    return opencl_launch(dev, &launch, err);
}

orr_status opencl_join_all(struct orr_device *dev, struct orr_error *err)
{
    struct opencl_record *record = record_of(dev);
    const size_t call = record->call;
    for (size_t i = 0; i < record->joins; ++i) {
        size_t before = 0;
        while (before < i && record->join[before].y != record->join[i].y)
            ++before;
        if (before < i) continue;
        record->call = record->join_call[i];
        OPENCL_TRY(join_into(dev, record->join[i].y, err));
    }
    record->call = call;
    record->joins = 0;
    record->partials = 0;
    return ORR_OK;
}

orr_status opencl_join_before(struct orr_device *dev, cl_mem memory, uint64_t from, uint64_t to, struct orr_error *err)
{
    const struct opencl_record *record = record_of(dev);
    for (size_t i = 0; i < record->joins; ++i) {
        const struct opencl_join *join = &record->join[i];
        const uint64_t first = (uint64_t)join->y_first * 4, end = first + (uint64_t)join->count * 4;
        if (join->y == memory && from < end && first < to) return opencl_join_all(dev, err);
    }
    return ORR_OK;
}
