/*
 * strerror(3) is promised to be safe with threads by no standard.  glibc has
 * another function; in musl the strings are constants.
 */
#include "base/errtext.h"

#include <string.h>

const char *
errtext(int err)
{
#ifdef __GLIBC__
	const char *text = strerrordesc_np(err);
#else
	const char *text = strerror(err);
#endif

	return text != NULL ? text : "unknown error";
}
