#ifndef ERRTEXT_H_
#define ERRTEXT_H_

/*
 * errtext - what an errno means.
 *
 * Layer:   base.
 */

/**
 * errtext(err):
 * The sentence of the C library for ${err}, in English; never NULL, also for a
 * number that is no errno ("unknown error").  The string is static, and safe
 * with threads.
 */
const char *errtext(int err);

#endif /* !ERRTEXT_H_ */
