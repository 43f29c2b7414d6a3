#ifndef CLOCK_H_
#define CLOCK_H_

/*
 * clock - the one place that asks what time it is.
 *
 * Layer:   base.
 */

#include <stdint.h>

/**
 * clock_ms():
 * CLOCK_BOOTTIME in milliseconds: monotonic, and it goes on while the machine
 * sleeps, so that a key's lifetime does not grow by a night with the lid
 * closed.
 */
int64_t clock_ms(void);

/**
 * clock_wall_s():
 * Seconds since 1970, as the machine believes: for the dates of certificates.
 */
int64_t clock_wall_s(void);

/**
 * clock_wall_ms():
 * The same in milliseconds: for records of what happened.
 */
int64_t clock_wall_ms(void);

/**
 * clock_ns():
 * CLOCK_MONOTONIC in nanoseconds: for how long something took.
 */
int64_t clock_ns(void);

/**
 * clock_coarse_ms():
 * CLOCK_MONOTONIC as of the last tick, some milliseconds ago: for what is
 * looked at again and again and need not be known so closely.  A quarter as
 * dear as the others.
 */
int64_t clock_coarse_ms(void);

/**
 * clock_thread_ns():
 * The processor time of this thread in nanoseconds.  Ten times as dear as the
 * others.
 */
int64_t clock_thread_ns(void);

#endif /* !CLOCK_H_ */
