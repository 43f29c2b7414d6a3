/*
 * _exit() and raise() in a build that counts which lines are reached: libgcov
 * writes what it has when main() returns or exit() is called, and here, too.
 */

#include <gcov.h>
#include <signal.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_raise(int signo);
int __wrap_raise(int signo);

_Noreturn void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

/* It may be the end, and may not. */
int
__wrap_raise(int signo)
{
	__gcov_dump();
	__gcov_reset();
	return __real_raise(signo);
}
