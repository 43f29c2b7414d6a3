#include "fuzz/conversation/tell.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool telling;

void
tell_init(void)
{
	telling = getenv("BOTTLE_FUZZ_TELL") != NULL;
}

void
tell(const char *fmt, ...)
{
	va_list ap;

	if (!telling)
		return;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
}
