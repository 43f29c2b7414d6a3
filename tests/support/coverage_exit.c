/*
 * _exit() and raise() in a build that counts which lines are reached: libgcov
 * writes what it has when main() returns or exit() is called, and here, too.
 */

#include <gcov.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

/* Where calls are made to fail, those of libgcov are not: it takes memory for
 * granted.  See faults/fault.h; NULL elsewhere. */
extern void fault_exempt(bool on) __attribute__((__weak__));

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_raise(int signo);
int __wrap_raise(int signo);

/* Write what was counted. */
static void
dump(void)
{
	if (fault_exempt != NULL)
		fault_exempt(true);
	__gcov_dump();
	if (fault_exempt != NULL)
		fault_exempt(false);
}

_Noreturn void
__wrap__exit(int status)
{
	dump();
	__real__exit(status);
}

/* It may be the end, and may not. */
int
__wrap_raise(int signo)
{
	dump();
	__gcov_reset();
	return __real_raise(signo);
}
