/* A bench for data and training: the built reference backend and kepler simulator (found through ORRERY_PLUGIN_PATH), a
 * tiny data set and model, and a directory that is removed afterwards.
 *
 * Everything here fails the running test when it cannot be done.
 */
#ifndef ORRERY_TESTS_TRAIN_FIXTURE_H
#define ORRERY_TESTS_TRAIN_FIXTURE_H

#include "train/train.h"

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

enum { FIXTURE_VALUES = 32 };

/* kepler with its defaults. */
const struct orr_plugin *fixture_kepler(void);
void fixture_kepler_values(union orr_value values[FIXTURE_VALUES]);

/* trajectories of steps points, half for training, seed 7, two threads. */
struct orr_dataset *fixture_data(uint64_t trajectories, uint32_t steps, uint32_t context);

/* A job that trains in a fraction of a second. Change what a test is about, then orr_train_run(&fixture.job, ..). */
struct train_fixture {
    struct orr_open_device *device;
    struct orr_dataset *data;
    struct orr_windows windows;
    struct orr_model model;
    struct orr_train_config config;
    struct orr_train_job job; /* directory NULL, f32 */
};
void fixture_open(struct train_fixture *f, uint64_t trajectories, uint32_t steps, uint32_t context);
/* The same job on tokens, without noise: as many bins a column. */
void fixture_use_tokens(struct train_fixture *f, int64_t bins);
void fixture_close(struct train_fixture *f);

/* Train: it must end well, or be refused with `status`, both parts in the text and nothing in the result. */
void fixture_train(const struct train_fixture *f, struct orr_train_result *result);
void fixture_refuse(const struct train_fixture *f, orr_status status, const char *part, const char *advice);

/* Train once in one go, and once stopped after `step` steps and resumed, and compare parameters and losses to the bit.
 * The two directories, for more comparisons, are the caller's to remove. */
void fixture_resumes(struct train_fixture *f, uint64_t step, char **whole, char **resumed);

/* Fails with the text of err unless status is ORR_OK. */
void assert_ok(orr_status status, const struct orr_error *err);
/* Fails unless status and code are `expected` and every one of the parts (NULL at the end) is in the text. */
void assert_error(orr_status status, const struct orr_error *err, orr_status expected, ...);

/* Under a sanitizer or valgrind, which slow programs down and bring a malloc of their own. */
bool fixture_is_instrumented(void);

/* A new empty directory; fixture_remove deletes it with all it holds and frees its name. */
char *fixture_directory(void);
void fixture_remove(char *directory);
/* "directory/name", until the next call. */
const char *fixture_path(const char *directory, const char *name);

#endif
