/*
 * oldkernel - usage: oldkernel PROGRAM [ARG...]
 *
 * Become PROGRAM on a kernel that is older than this one, see oldkernel.h.
 */
#include "support/oldkernel.h"

#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	if (argc > 1 && old_kernel())
		(void)execv(argv[1], argv + 1);
	perror("oldkernel");
	return 126;
}
