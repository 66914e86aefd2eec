/* Matrix products by the own kernels: vectors in registers (kernels/product_panel.cl) or tiles in local memory
 * (kernels/product_tile.cl), chosen by dev->variant. Either way the work is divided by shapes and launch_work only: a
 * long inner axis of a small result in chunks, whose results a second pass adds in order.
 */
#include "product.h"

/* A result is divided for at least ITEMS items of the first kernel, of BLOCK_MIN rows or more; its inner axis, where
 * that is not enough, for about twice as many, each of a panel or more. */
enum { ITEMS = 64, BLOCK_MIN = 32, AREA_COLUMNS = 32, AREA_ROWS = 8 };
/* Elements of a side of the tile of one item, and of the local memory of a tile (two operands, inner axis 16). */
enum { TILE_SIDE = 4, TILE_INNER = 16 };

static uint64_t divide_up(uint64_t n, uint64_t by) { return (n + by - 1) / by; }

/* Inner elements of a chunk. */
static uint64_t chunk_length(const struct orr_device *dev, const struct product *p)
{
    /* Areas are as large as the tiles of GPUs, or the smallest blocks of processors. */
    const uint64_t rows = dev->variant.groups ? PRODUCT_ROWS : BLOCK_MIN;
    const uint64_t areas = p->count * divide_up(p->m, rows) * divide_up(p->n, AREA_COLUMNS);
    const uint64_t wanted = divide_up(2 * ITEMS, areas), panels = divide_up(p->k, PRODUCT_PANEL);
    uint64_t length = divide_up(panels, wanted < panels ? wanted : panels) * PRODUCT_PANEL;
    const uint64_t most = dev->launch_work * PRODUCT_WORK / (AREA_ROWS * AREA_COLUMNS);
    if (length > most) length = most / PRODUCT_CHAIN * PRODUCT_CHAIN;
    if (length < PRODUCT_CHAIN) length = PRODUCT_CHAIN;
    return length < p->k ? length : p->k;
}

/* Rows of an item of product_panel.cl. */
static uint64_t block_rows(const struct orr_device *dev, const struct product *p, uint64_t columns, uint64_t length)
{
    const uint64_t tile = PRODUCT_TILE(dev->variant.width), most = dev->launch_work * PRODUCT_WORK / columns / length;
    const uint64_t others = p->count * divide_up(p->n, columns) * divide_up(p->k, length);
    uint64_t block = PRODUCT_ROWS;
    while (block > BLOCK_MIN && others * divide_up(p->m, block) < ITEMS)
        block /= 2;
    while (block > tile && block > most)
        block /= 2;
    return block;
}

/* The side of a tile of product_tile.cl that device and launch_work allow, or 0. */
static orr_status tile_side(struct orr_device *dev, const struct product *p, uint64_t length, int *side,
                            struct orr_error *err)
{
    *side = 0;
    if (!dev->variant.groups) return ORR_OK;
    for (int wanted = p->m > 32 && p->n > 32 ? 64 : 32; wanted >= 32 && !*side; wanted /= 2) {
        const uint64_t items = (uint64_t)(wanted / TILE_SIDE) * (uint64_t)(wanted / TILE_SIDE);
        const uint64_t visits = items * divide_up(TILE_SIDE * TILE_SIDE * length, PRODUCT_WORK);
        size_t most = 0;
        if (dev->variant.group < items || visits > dev->launch_work ||
            dev->variant.local_bytes < 2 * TILE_INNER * 4 * (uint64_t)(wanted + 1))
            continue;
        OPENCL_TRY(opencl_group_most(dev, OPENCL_product_tile_multiply, wanted, &most, err));
        if (most >= items) *side = wanted;
    }
    return ORR_OK;
}

/* The chunks' results one after the other in room of their own, then their column sums; then both are added up. */
static orr_status two_passes(struct orr_device *dev, const struct product *p, struct opencl_launch *launch,
                             struct params_product *params, struct orr_error *err)
{
    struct params_product second = *params;
    struct opencl_partials partials;
    const uint64_t count = p->count * p->m * p->n, chunks = (uint64_t)params->chunks;
    OPENCL_TRY(opencl_partials(dev, chunks * (count + (p->more.sums ? p->n : 0)), &partials, err));
    launch->buffer[2] = launch->buffer[7] = partials.memory;
    params->with &= ~PRODUCT_EPILOGUE;
    params->apart = second.apart = (int)count;
    params->y = second.a = partials.first;
    params->sums = partials.first + (int)(chunks * count);
    OPENCL_TRY(opencl_launch(dev, launch, err));
    const struct opencl_join whole = {.memory = partials.memory,
                                      .first = partials.first,
                                      .chunks = params->chunks,
                                      .count = (int)count,
                                      .y = p->y->buffer->memory,
                                      .y_first = second.y};
    if (second.with & PRODUCT_EPILOGUE)
        OPENCL_TRY(opencl_product_finish(dev, p, &second, partials.memory, err));
    else
        OPENCL_TRY(opencl_join(dev, &whole, err));
    if (!p->more.sums) return ORR_OK;
    const struct opencl_join columns = {.memory = partials.memory,
                                        .first = params->sums,
                                        .chunks = params->chunks,
                                        .count = (int)p->n,
                                        .y = p->more.sums->buffer->memory,
                                        .y_first = second.sums};
    return opencl_join(dev, &columns, err);
}

orr_status opencl_product_own(struct orr_device *dev, const struct product *p, struct orr_error *err)
{
    struct params_product params = opencl_product_params(p);
    const uint64_t length = chunk_length(dev, p), chunks = divide_up(p->k, length);
    const uint64_t columns = 2 * (uint64_t)dev->variant.width;
    int side;
    OPENCL_TRY(tile_side(dev, p, length, &side, err));
    const uint64_t block = block_rows(dev, p, columns, length);
    struct opencl_launch launch = {.kernel = side ? OPENCL_product_tile_multiply : OPENCL_product_panel_multiply,
                                   .params = &params,
                                   .depth = side ? side : dev->variant.width,
                                   .buffer = {p->a->buffer->memory, p->b->buffer->memory, p->y->buffer->memory}};
    if (side) {
        const uint64_t edge = (uint64_t)side;
        launch.group = (uint32_t)(edge * edge / (TILE_SIDE * TILE_SIDE));
        launch.items = p->count * divide_up(p->m, edge) * divide_up(p->n, edge) * chunks * launch.group;
        launch.visits = divide_up(TILE_SIDE * TILE_SIDE * length, PRODUCT_WORK);
    } else {
        launch.group = 1;
        launch.items = p->count * divide_up(p->m, block) * divide_up(p->n, columns) * chunks;
        launch.visits = divide_up(block * columns * length, PRODUCT_WORK);
    }
    params.chunks = (int)chunks;
    params.length = (int)length;
    params.block = (int)block;
    opencl_product_places(p, &launch, 3);
    if (chunks == 1) return opencl_launch(dev, &launch, err);
    return two_passes(dev, p, &launch, &params, err);
}
