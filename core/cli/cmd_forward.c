/* orrery forward: somebody's weights on one batch: prediction, activations, loss, gradients, steps of AdamW.
 *
 * In: a safetensors file under nanoGPT's names, .npy files. Out: .npy, .json and .safetensors files in a directory. */
#include "base/memory.h"
#include "base/number.h"
#include "base/suggest.h"
#include "cli/choose_device.h"
#include "cli/forward_graph.h"
#include "cli/forward_write.h"
#include "cli/open_weights.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct orr_option options[] = {
    {"--input", "X.npy", "(batch, time, columns) numbers, or tokens, for which (batch, time) will do"},
    {"--targets", "Y.npy", "what the model should have given; less time: the last positions count; -1: ignored"},
    {"--capture", "GLOB", "write activations of hook points of this pattern, such as '*.hook_resid_post'"},
    {"--gradients", NULL, "write the loss's gradient of every parameter"},
    {"--adamw-steps", "N", "write the parameters after N steps of AdamW on this batch"},
    {"--lr", "R", "learning rate of those steps; default 1e-3"},
    {"--weight-decay", "W", "of those steps, on every parameter; default 0"},
    {"--dtype", "f32|f64", "what to compute in; default: the type of the weights"},
    {"--device", "DEVICE", "where to compute, such as reference or opencl:gpu (orrery devices)"},
    {"--out", "DIR", "where to write"},
    ORR_WEIGHTS_OPTIONS,
    {NULL, NULL, NULL},
};

struct forward {
    const struct orr_command *command;
    struct orr_weights weights;
    struct orr_forward_array input, target;
    char **hooks; /* of the model */
    size_t n_hooks;
    const char **captured; /* of them */
    struct orr_forward_job job;
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_forward_graph graph;
    struct orr_forward_output output;
};

/* --- options --------------------------------------------------------------------------------- */

static orr_status read_real(const struct orr_command *command, const char *option, double fallback, double *out,
                            struct orr_error *err)
{
    const char *text = orr_arguments_value(command->arguments, option);
    *out = fallback;
    if (!text || (orr_number_real(text, out) && *out >= 0)) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "%s %s: a number from 0 was expected", option, text);
}

static orr_status read_dtype(const char *text, uint32_t fallback, uint32_t *out, struct orr_error *err)
{
    *out = !text ? fallback : strcmp(text, "f32") == 0 ? ORR_F32 : strcmp(text, "f64") == 0 ? ORR_F64 : 0;
    return *out ? ORR_OK : orr_fail(err, ORR_EINVAL, "--dtype %s: f32 or f64 was expected", text);
}

static orr_status read_steps(struct forward *f, struct orr_error *err)
{
    enum { STEPS_MAX = 1000000 };
    const struct orr_arguments *a = f->command->arguments;
    const char *text = orr_arguments_value(a, "--adamw-steps");
    f->job.steps = text != NULL;
    if (text && (!orr_number_integer(text, &f->job.n_steps) || f->job.n_steps < 0 || f->job.n_steps > STEPS_MAX))
        return orr_fail(err, ORR_EINVAL, "--adamw-steps %s: a whole number from 0 to %d was expected", text, STEPS_MAX);
    if (!text && (orr_arguments_count(a, "--lr") || orr_arguments_count(a, "--weight-decay")))
        return orr_fail(err, ORR_EINVAL, "--lr and --weight-decay are about --adamw-steps N, which is missing");
    ORR_TRY(read_real(f->command, "--lr", 1e-3, &f->job.learning_rate, err));
    return read_real(f->command, "--weight-decay", 0.0, &f->job.weight_decay, err);
}

static orr_status unknown_hook(const struct forward *f, const char *pattern, struct orr_error *err)
{
    const char *near = orr_suggest(pattern, (const char *const *)f->hooks, f->n_hooks);
    return orr_fail(err, ORR_EINVAL,
                    "--capture %s matches no hook point of this model%s%s%s: there are %zu, from %s to %s", pattern,
                    near ? ": did you mean " : "", near ? near : "", near ? "?" : "", f->n_hooks,
                    f->n_hooks ? f->hooks[0] : "none", f->n_hooks ? f->hooks[f->n_hooks - 1] : "none");
}

static bool matches(const char *pattern, const char *hook) { return fnmatch(pattern, hook, 0) == 0; }

/* Hooks that any --capture matches, in forward order; every pattern must match one. */
static orr_status choose_hooks(struct forward *f, struct orr_error *err)
{
    const struct orr_arguments *a = f->command->arguments;
    ORR_TRY(orr_model_hooks(&f->weights.model, &f->hooks, &f->n_hooks, err));
    f->captured = orr_memory_array(f->n_hooks, sizeof *f->captured);
    if (!f->captured) return orr_memory_out(err, "hook points", f->n_hooks * sizeof *f->captured);
    for (size_t i = 0; i < a->n_options; ++i) {
        if (strcmp(a->option[i]->name, "--capture") != 0) continue;
        size_t h = 0;
        while (h < f->n_hooks && !matches(a->value[i], f->hooks[h]))
            ++h;
        if (h == f->n_hooks) return unknown_hook(f, a->value[i], err);
    }
    for (size_t h = 0; h < f->n_hooks; ++h)
        for (size_t i = 0; i < a->n_options; ++i)
            if (strcmp(a->option[i]->name, "--capture") == 0 && matches(a->value[i], f->hooks[h])) {
                f->captured[f->job.n_hooks++] = f->hooks[h];
                break;
            }
    return ORR_OK;
}

static orr_status need_argument(const struct orr_command *command, const char *option, const char *what,
                                const char **out, struct orr_error *err)
{
    *out = orr_arguments_value(command->arguments, option);
    return *out && **out ? ORR_OK : orr_fail(err, ORR_EINVAL, "%s is missing: %s", option, what);
}

static orr_status read_everything(struct forward *f, struct orr_error *err)
{
    const struct orr_arguments *a = f->command->arguments;
    const char *weights, *input, *targets = orr_arguments_value(a, "--targets"), *out;
    ORR_TRY(orr_command_word(f->command, "file of weights", &weights, err));
    ORR_TRY(need_argument(f->command, "--input", "name a .npy file", &input, err));
    ORR_TRY(need_argument(f->command, "--out", "name a directory", &out, err));
    ORR_TRY(read_steps(f, err));
    f->job.gradients = orr_arguments_count(a, "--gradients") > 0;
    if (!targets && (f->job.gradients || f->job.steps))
        return orr_fail(err, ORR_EINVAL, "--targets is missing: gradients and steps are of a loss");
    ORR_TRY(orr_forward_output_check(out, err));
    ORR_TRY(orr_open_weights(f->command, weights, &f->weights, err));
    ORR_TRY(read_dtype(orr_arguments_value(a, "--dtype"), f->weights.real, &f->job.real, err));
    ORR_TRY(orr_weights_check_real(&f->weights, weights, f->job.real, err));
    ORR_TRY(choose_hooks(f, err));
    ORR_TRY(orr_forward_array_read(input, &f->weights.model, false, &f->input, err));
    if (targets) ORR_TRY(orr_forward_array_read(targets, &f->weights.model, true, &f->target, err));
    f->job.weights = &f->weights;
    f->job.input = &f->input;
    f->job.target = targets ? &f->target : NULL;
    f->job.hooks = f->captured;
    return ORR_OK;
}

/* --- results --------------------------------------------------------------------------------- */

static orr_status write_array(struct forward *f, orr_handle v, const char *name, struct orr_error *err)
{
    struct orr_array array;
    ORR_TRY(orr_forward_graph_read(&f->graph, v, &array, err));
    /* Tokens that came without an axis for their one column get logits without it. */
    if (v == f->graph.prediction && f->input.bare && array.rank == 4) {
        array.dim[2] = array.dim[3];
        array.rank = 3;
    }
    const orr_status status = orr_forward_output_array(&f->output, name, &array, err);
    orr_array_fini(&array);
    return status;
}

static orr_status write_loss(struct forward *f, struct orr_error *err)
{
    double loss;
    if (!f->job.target) return ORR_OK;
    ORR_TRY(orr_exec_read_real(f->graph.exec, f->graph.loss, &loss, 1, err));
    if (!isfinite(loss))
        return orr_fail(err, ORR_ENUMERIC,
                        "the loss is %g: numbers outgrow %s; without --targets, --capture "
                        "shows where",
                        loss, orr_dtype_name(f->job.real));
    if (!f->command->quiet) printf("loss %.9g\n", loss);
    return orr_forward_output_loss(&f->output, loss, err);
}

static orr_status write_block(struct forward *f, const char *name, const double *block, struct orr_error *err)
{
    const char *path;
    ORR_TRY(orr_forward_output_path(&f->output, name, &path, err));
    return orr_weights_write(path, &f->weights, block, f->job.real, err);
}

static orr_status write_blocks(struct forward *f, struct orr_error *err)
{
    const size_t n = (size_t)f->weights.parameters.elements;
    double *block = orr_memory_array(n, sizeof *block);
    if (!block) return orr_memory_out(err, "gradients", n * sizeof *block);
    orr_status status = ORR_OK;
    if (f->job.gradients) {
        status = orr_exec_read_real(f->graph.exec, f->graph.gradient, block, n, err);
        if (status == ORR_OK) status = write_block(f, "gradients.safetensors", block, err);
    }
    if (status == ORR_OK && f->job.steps) {
        status = orr_forward_graph_train(&f->graph, &f->job, block, err);
        if (status == ORR_OK) status = write_block(f, "parameters.safetensors", block, err);
    }
    orr_memory_free(block);
    return status;
}

static orr_status compute(struct forward *f, struct orr_error *err)
{
    ORR_TRY(orr_forward_graph_init(&f->job, &f->graph, err));
    ORR_TRY(orr_forward_graph_run(&f->graph, err));
    ORR_TRY(orr_forward_output_open(&f->output, orr_arguments_value(f->command->arguments, "--out"), err));
    ORR_TRY(write_loss(f, err));
    for (size_t i = 0; i < f->job.n_hooks; ++i) {
        char name[160];
        snprintf(name, sizeof name, "activations/%s.npy", f->captured[i]);
        ORR_TRY(write_array(f, f->graph.hook[i], name, err));
    }
    ORR_TRY(write_array(f, f->graph.prediction, "output.npy", err));
    return write_blocks(f, err);
}

static void report(const struct forward *f)
{
    const struct orr_model *m = &f->weights.model;
    char device[192];
    if (f->command->quiet) return;
    orr_device_print(f->device, device, sizeof device);
    printf("%" PRId64 " parameters; batch %" PRId64 ", time %" PRId64 "; %s on %s\n",
           orr_parameters_numbers(&f->weights.parameters, false), f->input.dim[0], f->input.dim[1],
           orr_dtype_name(f->job.real), device);
    printf("n_layer %" PRId64 ", n_head %" PRId64 ", n_embd %" PRId64 ", block_size %" PRId64 "\n", m->n_layer,
           m->n_head, m->n_embd, m->block_size);
    printf("%zu files in %s\n", f->output.n_files, f->output.directory);
}

/* --- the verb -------------------------------------------------------------------------------- */

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct forward f = {.command = command};
    orr_status status = read_everything(&f, err);
    if (status == ORR_OK) status = orr_loader_create(&f.loader, err);
    if (status == ORR_OK) status = orr_choose_device(command, f.loader, f.job.real, &f.device, err);
    f.job.device = f.device;
    if (status == ORR_OK) status = compute(&f, err);
    if (status == ORR_OK) report(&f);
    orr_forward_output_close(&f.output, status == ORR_OK);
    orr_forward_graph_fini(&f.graph);
    orr_device_close(f.device);
    orr_loader_destroy(f.loader);
    orr_forward_array_fini(&f.input);
    orr_forward_array_fini(&f.target);
    orr_model_hooks_free(f.hooks, f.n_hooks);
    orr_memory_free(f.captured);
    orr_weights_fini(&f.weights);
    return status;
}

const struct orr_verb orr_verb_forward = {
    .name = "forward",
    .words = "WEIGHTS",
    .summary = "Run a model from elsewhere on one batch: outputs, activations, gradients",
    .more = "WEIGHTS is a safetensors file under nanoGPT's names, such as a PyTorch user writes in six lines\n"
            "(docs/bring-your-own.md), or a checkpoint of a run. DIR gets output.npy, activations/<hook point>.npy,\n"
            "loss.json, gradients.safetensors and parameters.safetensors: what was asked for, or after an error none.\n"
            "  orrery forward model.safetensors --input x.npy --capture '*.hook_resid_post' --out seen\n",
    .options = options,
    .run = run,
};
