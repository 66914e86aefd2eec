/* What a test writes to stderr, caught: for tests of warnings.
 *
 * Between the two calls nothing of the test's own output is seen. One capture at a time. */
#ifndef ORRERY_TESTS_CAPTURE_H
#define ORRERY_TESTS_CAPTURE_H

/* From now on stderr goes to a file. Fails the test where there is none. */
void capture_begin(void);

/* stderr is as before; returns what was written since, until the next call. */
const char *capture_end(void);

#endif
