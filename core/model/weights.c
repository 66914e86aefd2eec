/* Reading weights: sizes from the metadata, then every parameter checked against its tensor and laid into a block.
 *
 * In: a safetensors file, sizes given beside it. Out: a model and its parameters in double; or what in the file is not
 * as the model needs it. Names: nanoGPT. */
#include "model/weights.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "io/safetensors.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char table_name[] = "transformer.wte.weight", head_name[] = "lm_head.weight", kind_key[] = "model";

const char *const orr_weights_size_names[ORR_WEIGHTS_SIZES] = {
    [ORR_WEIGHTS_N_LAYER] = "n_layer",       [ORR_WEIGHTS_N_HEAD] = "n_head",
    [ORR_WEIGHTS_N_EMBD] = "n_embd",         [ORR_WEIGHTS_BLOCK_SIZE] = "block_size",
    [ORR_WEIGHTS_INPUT_DIM] = "input_dim",   [ORR_WEIGHTS_VOCAB_SIZE] = "vocab_size",
    [ORR_WEIGHTS_OUTPUT_DIM] = "output_dim", [ORR_WEIGHTS_WINDOW] = "window",
};

struct reading {
    const char *path;
    const struct orr_safetensors *set;
    struct orr_weights *weights;
    struct orr_error *err;
};

/* --- sizes ----------------------------------------------------------------------------------- */

/* What the file and the caller say of a size; -1 where neither says anything. */
static orr_status read_size(const struct reading *r, const char *name, int64_t given, int64_t *out)
{
    const char *text = orr_safetensors_metadata(r->set, name);
    *out = given < 0 ? -1 : given;
    if (!text) return ORR_OK;
    if (!orr_number_integer(text, out) || *out < 0)
        return orr_fail(r->err, ORR_EFORMAT, "%s: metadata %s is \"%.40s\": a whole number from 0 was expected",
                        r->path, name, text);
    if (given < 0 || given == *out) return ORR_OK;
    return orr_fail(r->err, ORR_EINVAL, "%s says %s %" PRId64 ", but %" PRId64 " was given: leave it out", r->path,
                    name, *out, given);
}

/* Without a word it is a transformer. The text of a graph is in no file of weights. */
static orr_status read_kind(const struct reading *r)
{
    const char *kind = orr_safetensors_metadata(r->set, kind_key);
    if (!kind || strcmp(kind, orr_model_kind_names[ORR_MODEL_TRANSFORMER]) == 0) return ORR_OK;
    r->weights->model.kind = ORR_MODEL_MLP;
    if (strcmp(kind, orr_model_kind_names[ORR_MODEL_MLP]) == 0) return ORR_OK;
    return orr_fail(r->err, ORR_EINVAL, "%s: metadata %s is \"%.40s\": %s or %s was expected", r->path, kind_key, kind,
                    orr_model_kind_names[ORR_MODEL_TRANSFORMER], orr_model_kind_names[ORR_MODEL_MLP]);
}

static orr_status read_sizes(const struct reading *r, const int64_t given[ORR_WEIGHTS_SIZES])
{
    int64_t size[ORR_WEIGHTS_SIZES];
    ORR_TRY(read_kind(r));
    for (int i = 0; i < ORR_WEIGHTS_SIZES; ++i)
        ORR_TRY(read_size(r, orr_weights_size_names[i], given[i], &size[i]));
    for (int i = 0; i <= ORR_WEIGHTS_BLOCK_SIZE; ++i)
        if (size[i] < 0)
            return orr_fail(r->err, ORR_EINVAL, "%s has no metadata %s: write it into the file, or give --%s N",
                            r->path, orr_weights_size_names[i], orr_weights_size_names[i]);
    const bool tokens = size[ORR_WEIGHTS_VOCAB_SIZE] > 0;
    if (!tokens && size[ORR_WEIGHTS_INPUT_DIM] < 0)
        return orr_fail(r->err, ORR_EINVAL,
                        "%s has neither metadata input_dim (a model of numbers) nor vocab_size (of tokens): write one "
                        "into the file, or give --input_dim N or --vocab_size N",
                        r->path);
    struct orr_model *m = &r->weights->model;
    m->n_layer = size[ORR_WEIGHTS_N_LAYER];
    m->n_head = size[ORR_WEIGHTS_N_HEAD];
    m->n_embd = size[ORR_WEIGHTS_N_EMBD];
    m->block_size = size[ORR_WEIGHTS_BLOCK_SIZE];
    m->vocab_size = tokens ? size[ORR_WEIGHTS_VOCAB_SIZE] : 0;
    m->n_input = size[ORR_WEIGHTS_INPUT_DIM] < 0 ? 1 : size[ORR_WEIGHTS_INPUT_DIM];
    m->n_output = size[ORR_WEIGHTS_OUTPUT_DIM] < 0 ? m->n_input : size[ORR_WEIGHTS_OUTPUT_DIM];
    m->window = size[ORR_WEIGHTS_WINDOW] < 0 ? 0 : size[ORR_WEIGHTS_WINDOW];
    return ORR_OK;
}

/* --- tensors --------------------------------------------------------------------------------- */

static void print_dims(uint32_t rank, const int64_t *dim, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (uint32_t k = 0; k < rank && at < size; ++k)
        at += (size_t)snprintf(text + at, size - at, "%s%" PRId64, k ? ", " : "", dim[k]);
    if (at < size) snprintf(text + at, size - at, "]");
}

static void file_shape(const struct orr_parameter *p, int64_t dim[2])
{
    dim[0] = p->dim[p->transposed ? 1 : 0];
    dim[1] = p->dim[p->transposed ? 0 : 1];
}

static bool has_shape(const struct orr_safetensors_tensor *t, uint32_t rank, const int64_t *dim)
{
    return t->rank == rank && memcmp(t->dim, dim, rank * sizeof *dim) == 0;
}

static bool is_real(const struct orr_safetensors_tensor *t)
{
    return t->dtype == ORR_NPY_F32 || t->dtype == ORR_NPY_F64;
}

static double number_at(const struct orr_safetensors_tensor *t, int64_t i)
{
    return t->dtype == ORR_NPY_F64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
}

static int64_t place_in_file(const struct orr_parameter *p, int64_t row, int64_t column)
{
    return p->transposed ? column * p->dim[0] + row : row * p->dim[1] + column;
}

/* The tensor of a parameter, of the right type and shape; NULL with the error set. */
static const struct orr_safetensors_tensor *need(const struct reading *r, const struct orr_parameter *p)
{
    int64_t dim[2];
    char expected[48], found[96];
    file_shape(p, dim);
    print_dims(p->rank, dim, expected, sizeof expected);
    const struct orr_safetensors_tensor *t = orr_safetensors_find(r->set, p->name);
    if (!t && strcmp(p->name, table_name) == 0) t = orr_safetensors_find(r->set, head_name);
    if (!t) {
        (void)orr_fail(r->err, ORR_EFORMAT, "%s: tensor %s is missing: it was expected with shape %s", r->path, p->name,
                       expected);
        return NULL;
    }
    print_dims(t->rank, t->dim, found, sizeof found);
    if (!has_shape(t, p->rank, dim))
        (void)orr_fail(r->err, ORR_EFORMAT, "%s: tensor %s has shape %s, expected %s for this model's sizes", r->path,
                       t->name, found, expected);
    else if (!is_real(t))
        (void)orr_fail(r->err, ORR_EFORMAT, "%s: tensor %s holds whole numbers, expected F32 or F64", r->path, t->name);
    else
        return t;
    return NULL;
}

static orr_status read_parameter(const struct reading *r, const struct orr_parameter *p, double *block)
{
    const struct orr_safetensors_tensor *t = need(r, p);
    if (!t) return ORR_EFORMAT;
    if (t->dtype == ORR_NPY_F64) r->weights->real = ORR_F64;
    for (int64_t row = 0; row < p->dim[0]; ++row)
        for (int64_t column = 0; column < p->dim[1]; ++column) {
            const int64_t at = place_in_file(p, row, column);
            const double x = number_at(t, at);
            if (!isfinite(x))
                return orr_fail(r->err, ORR_EFORMAT,
                                "%s: tensor %s, element %" PRId64 " is %g: finite numbers were expected", r->path,
                                t->name, at, x);
            block[p->first + row * p->dim[1] + column] = x;
        }
    return ORR_OK;
}

/* --- tensors that are no parameters ---------------------------------------------------------- */

/* The buffer that nanoGPT keeps beside the weights: 1 where a key may be seen, (1, 1, block_size, block_size). */
static bool is_causal_mask(const struct reading *r, const struct orr_safetensors_tensor *t)
{
    const int64_t n = r->weights->model.block_size, dim[4] = {1, 1, n, n};
    if (!orr_text_ends_with(t->name, ".attn.bias") || !is_real(t) || !has_shape(t, 4, dim)) return false;
    for (int64_t query = 0; query < n; ++query)
        for (int64_t key = 0; key < n; ++key)
            if (number_at(t, query * n + key) != (key <= query ? 1.0 : 0.0)) return false;
    return true;
}

static bool is_of_a_checkpoint(const struct reading *r, const char *name)
{
    const char *format = orr_safetensors_metadata(r->set, "format");
    return format && strcmp(format, "orrery-checkpoint") == 0 &&
           (strncmp(name, "optimizer.", 10) == 0 || strcmp(name, "losses") == 0);
}

/* lm_head.weight, where the model has one matrix for both. */
static orr_status check_head(const struct reading *r, const struct orr_safetensors_tensor *head)
{
    const struct orr_safetensors_tensor *table = orr_safetensors_find(r->set, table_name);
    if (!table) return ORR_OK;
    char found[96], expected[96];
    print_dims(head->rank, head->dim, found, sizeof found);
    print_dims(table->rank, table->dim, expected, sizeof expected);
    if (!has_shape(head, table->rank, table->dim) || !is_real(head))
        return orr_fail(r->err, ORR_EFORMAT, "%s: tensor %s has shape %s, expected %s as %s, with which it is tied",
                        r->path, head_name, found, expected, table_name);
    for (int64_t i = 0; i < table->dim[0] * table->dim[1]; ++i)
        if (number_at(head, i) != number_at(table, i))
            return orr_fail(r->err, ORR_EFORMAT,
                            "%s: tensor %s %s is not equal to %s: they were expected to be one matrix, as nanoGPT ties "
                            "them",
                            r->path, head_name, found, table_name);
    r->weights->has_head = true;
    return ORR_OK;
}

static orr_status check_others(const struct reading *r)
{
    const struct orr_parameters *p = &r->weights->parameters;
    const bool tied = orr_parameters_find(p, table_name) != NULL;
    const struct orr_safetensors_tensor *t;
    for (size_t i = 0; (t = orr_safetensors_tensor(r->set, i)) != NULL; ++i) {
        if (is_of_a_checkpoint(r, t->name) || orr_parameters_find(p, t->name) || is_causal_mask(r, t)) continue;
        if (tied && strcmp(t->name, head_name) == 0) {
            ORR_TRY(check_head(r, t));
            continue;
        }
        char found[96];
        print_dims(t->rank, t->dim, found, sizeof found);
        return orr_fail(r->err, ORR_EFORMAT,
                        "%s: tensor %.80s %s is no parameter of a model of these sizes: expected %zu tensors, from %s "
                        "to %s; leave it out",
                        r->path, t->name, found, p->count, p->item[0].name, p->item[p->count - 1].name);
    }
    return ORR_OK;
}

/* --- the whole ------------------------------------------------------------------------------- */

static orr_status read_tensors(const struct reading *r)
{
    static const char *const every[] = {"*"};
    struct orr_weights *w = r->weights;
    const orr_status status = orr_model_parameters(&w->model, &w->parameters, r->err);
    if (status != ORR_OK) {
        (void)orr_error_prefix(r->err, "%s", r->path);
        return status;
    }
    ORR_TRY(orr_parameters_arrange(&w->parameters, every, 1, r->err));
    /* Before anything of the model's size is allocated, the file must have that size. */
    for (size_t i = 0; i < w->parameters.count; ++i)
        if (!need(r, &w->parameters.item[i])) return ORR_EFORMAT;
    ORR_TRY(check_others(r));
    w->block = orr_memory_array((size_t)w->parameters.elements, sizeof *w->block);
    if (!w->block) return orr_memory_out(r->err, "weights", (size_t)w->parameters.elements * sizeof *w->block);
    w->real = ORR_F32;
    for (size_t i = 0; i < w->parameters.count; ++i)
        ORR_TRY(read_parameter(r, &w->parameters.item[i], w->block));
    return ORR_OK;
}

static orr_status read_file(const char *path, const struct orr_model *model, const int64_t *given,
                            struct orr_weights *out, struct orr_error *err)
{
    struct orr_safetensors *set;
    *out = (struct orr_weights){.block = NULL};
    ORR_TRY(orr_safetensors_load(path, &set, err));
    const struct reading r = {path, set, out, err};
    orr_status status = ORR_OK;
    if (model)
        out->model = *model;
    else
        status = read_sizes(&r, given);
    if (status == ORR_OK) status = read_tensors(&r);
    orr_safetensors_destroy(set);
    if (status != ORR_OK) orr_weights_fini(out);
    return status;
}

orr_status orr_weights_sizes(const char *path, const int64_t given[ORR_WEIGHTS_SIZES], struct orr_model *out,
                             struct orr_error *err)
{
    struct orr_safetensors *set;
    struct orr_weights weights = {.block = NULL};
    ORR_TRY(orr_safetensors_load(path, &set, err));
    const struct reading r = {path, set, &weights, err};
    const orr_status status = read_sizes(&r, given);
    *out = weights.model;
    orr_safetensors_destroy(set);
    return status;
}

orr_status orr_weights_seed(const char *path, int64_t *seed, struct orr_error *err)
{
    struct orr_safetensors *set;
    ORR_TRY(orr_safetensors_load(path, &set, err));
    const struct reading r = {path, set, NULL, err};
    const orr_status status = read_size(&r, "seed", -1, seed);
    orr_safetensors_destroy(set);
    return status;
}

orr_status orr_weights_read(const char *path, const int64_t given[ORR_WEIGHTS_SIZES], struct orr_weights *out,
                            struct orr_error *err)
{
    return read_file(path, NULL, given, out, err);
}

orr_status orr_weights_read_as(const char *path, const struct orr_model *model, struct orr_weights *out,
                               struct orr_error *err)
{
    return read_file(path, model, NULL, out, err);
}

orr_status orr_weights_check_real(const struct orr_weights *weights, const char *path, uint32_t real,
                                  struct orr_error *err)
{
    for (size_t i = 0; real == ORR_F32 && i < weights->parameters.count; ++i) {
        const struct orr_parameter *p = &weights->parameters.item[i];
        for (int64_t k = 0; k < p->dim[0] * p->dim[1]; ++k)
            if (!isfinite((float)weights->block[p->first + k]))
                return orr_fail(err, ORR_EFORMAT,
                                "%s: tensor %s, element %" PRId64
                                " is %g, which f32 does not hold: at most %g was expected; compute in f64, or rescale "
                                "the weights",
                                path, p->name, place_in_file(p, k / p->dim[1], k % p->dim[1]),
                                weights->block[p->first + k], (double)FLT_MAX);
    }
    return ORR_OK;
}

void orr_weights_fini(struct orr_weights *weights)
{
    orr_parameters_fini(&weights->parameters);
    orr_memory_free(weights->block);
    *weights = (struct orr_weights){.block = NULL};
}

/* --- writing --------------------------------------------------------------------------------- */

static orr_status write_sizes(struct orr_safetensors *set, const struct orr_model *m, struct orr_error *err)
{
    const int64_t size[ORR_WEIGHTS_SIZES] = {
        [ORR_WEIGHTS_N_LAYER] = m->n_layer,     [ORR_WEIGHTS_N_HEAD] = m->n_head,
        [ORR_WEIGHTS_N_EMBD] = m->n_embd,       [ORR_WEIGHTS_BLOCK_SIZE] = m->block_size,
        [ORR_WEIGHTS_INPUT_DIM] = m->n_input,   [ORR_WEIGHTS_VOCAB_SIZE] = m->vocab_size,
        [ORR_WEIGHTS_OUTPUT_DIM] = m->n_output, [ORR_WEIGHTS_WINDOW] = m->window};
    for (int i = 0; i < ORR_WEIGHTS_SIZES; ++i) {
        char text[24];
        if (i == ORR_WEIGHTS_VOCAB_SIZE && !m->vocab_size) continue;
        snprintf(text, sizeof text, "%" PRId64, size[i]);
        ORR_TRY(orr_safetensors_set_metadata(set, orr_weights_size_names[i], text, err));
    }
    return orr_safetensors_set_metadata(set, kind_key, orr_model_kind_names[m->kind], err);
}

/* One parameter in the file's order and type, into room for it. */
static void fill(const struct orr_parameter *p, const double *block, uint32_t real, void *out)
{
    for (int64_t row = 0; row < p->dim[0]; ++row)
        for (int64_t column = 0; column < p->dim[1]; ++column) {
            const double x = block[p->first + row * p->dim[1] + column];
            const int64_t at = place_in_file(p, row, column);
            if (real == ORR_F64)
                ((double *)out)[at] = x;
            else
                ((float *)out)[at] = (float)x;
        }
}

static orr_status add_all(struct orr_safetensors *set, const struct orr_weights *w, const double *block, uint32_t real,
                          char *room, struct orr_error *err)
{
    const size_t width = orr_npy_type_bytes(real);
    for (size_t i = 0; i < w->parameters.count; ++i) {
        const struct orr_parameter *p = &w->parameters.item[i];
        char *at = room + (size_t)p->first * width;
        int64_t dim[2];
        file_shape(p, dim);
        fill(p, block, real, at);
        ORR_TRY(orr_safetensors_add(set, p->name, real, p->rank, dim, at, err));
        if (w->has_head && strcmp(p->name, table_name) == 0)
            ORR_TRY(orr_safetensors_add(set, head_name, real, p->rank, dim, at, err));
    }
    return write_sizes(set, &w->model, err);
}

orr_status orr_weights_write(const char *path, const struct orr_weights *weights, const double *block, uint32_t real,
                             struct orr_error *err)
{
    const size_t n = (size_t)weights->parameters.elements, width = orr_npy_type_bytes(real);
    struct orr_safetensors *set = NULL;
    char *room = orr_memory_array(n, width);
    if (!room) return orr_memory_out(err, "weights", n * width);
    orr_status status = orr_safetensors_create(&set, err);
    if (status == ORR_OK) status = add_all(set, weights, block, real, room, err);
    if (status == ORR_OK) status = orr_safetensors_save(set, path, err);
    orr_safetensors_destroy(set);
    orr_memory_free(room);
    return status;
}
