/*
 * stillclock - the clocks by which the agent measures time stand still, for a
 * count of instructions that is the same each time.
 *
 * Preloaded.  What the agent does depends on how much time has passed: one who
 * asks fast gets fewer records of his own in the audit log, and a second's sum
 * of the rest.  With these two at a stop it is the number of requests alone
 * that decides.  Other clocks go on.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Long after the start of the machine, as some things wait for a while. */
#define STILL_S	1000000

__attribute__((visibility("default"))) int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (clock != CLOCK_BOOTTIME && clock != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, clock, ts);
	*ts = (struct timespec){ .tv_sec = STILL_S };
	return 0;
}
