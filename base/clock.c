#include "base/clock.h"

#include <assert.h>
#include <time.h>

int64_t
clock_ms(void)
{
	struct timespec ts;
	int rc;

	/* Only an unknown clock can fail, and Linux has had this one long. */
	rc = clock_gettime(CLOCK_BOOTTIME, &ts);
	assert(rc == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

int64_t
clock_wall_ms(void)
{
	struct timespec ts;
	int rc;

	rc = clock_gettime(CLOCK_REALTIME, &ts);
	assert(rc == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_ns(void)
{
	struct timespec ts;
	int rc;

	rc = clock_gettime(CLOCK_MONOTONIC, &ts);
	assert(rc == 0);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clock_coarse_ms(void)
{
	struct timespec ts;
	int rc;

	rc = clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	assert(rc == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_thread_ns(void)
{
	struct timespec ts;
	int rc;

	rc = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	assert(rc == 0);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
