#include "agent/harden.h"

#include <signal.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

int
harden_untraceable(void)
{
#ifdef BOTTLE_RELAXED_HARDENING
	return ST_OK;
#else
	return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0 ?
	    ST_OK : ST_SYSTEM;
#endif
}

int
harden_process(void)
{
	struct rlimit none = { 0, 0 };

	(void)umask(077);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    setrlimit(RLIMIT_CORE, &none) != 0)
		return ST_SYSTEM;
	return ST_OK;
}
