#ifndef TRIAL_H_
#define TRIAL_H_

/*
 * trial - what an attack tried, and what came of it.
 *
 * Layer:   tests.
 *
 * An attack ends with trial_end(): 0 everything was held off, 1 something
 * worked, or what must work did not.  One that cannot be tried here ends with
 * trial_skip(), which is 2.
 */

#include <stdbool.h>

/**
 * trial_refused(what, type):
 * It was answered so; FAILURE of any kind and a hang-up are refusals, silence
 * is not.
 */
void trial_refused(const char *what, int type);

/**
 * trial_is(what, type, wanted):
 * It must be answered so: a control, without which refusals would show
 * nothing.
 */
void trial_is(const char *what, int type, int wanted);

/**
 * trial_denied(what, result):
 * A system call's: it must fail for want of rights.  errno says why it did.
 */
void trial_denied(const char *what, long result);

/**
 * trial_holds(what, yes):
 * Something else that must be so.
 */
void trial_holds(const char *what, bool yes);

/**
 * trial_fine():
 * Whether all was well so far: for a child's exit status.
 */
bool trial_fine(void);

/**
 * trial_end(), trial_skip(why):
 * Say how many were tried, and the exit status.
 */
int trial_end(void);
int trial_skip(const char *why);

#endif /* !TRIAL_H_ */
