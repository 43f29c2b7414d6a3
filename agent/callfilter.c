#include "agent/callfilter.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One filter. */
struct callfilter {
	const struct sock_filter *code;
	unsigned short	 len;		/* instructions */
	unsigned short	 self;		/* the one of them that compares with
					 * our own process; len: none does */
};

/* As callfilter_make.c wrote it: CALLFILTER_LEN, which no filter exceeds, and
 * filters[CALLFILTER_ALL], those without code are of nobody. */
#include "agent/callfilters.inc"

/* Whether the kernel knows how to end the process at a call, not just the
 * thread that makes it: 0, or an errno. */
static int
lacks_kill(void)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, (long)SECCOMP_GET_ACTION_AVAIL, 0L,
	    &action) == 0 ? 0 : errno;
}

int
callfilter_install(unsigned who)
{
	const struct callfilter *f = &filters[who];
	struct sock_filter code[CALLFILTER_LEN];
	struct sock_fprog prog = { .len = f->len, .filter = code };
	long rc;
	int err;

	assert(who < CALLFILTER_ALL && f->code != NULL);
	memcpy(code, f->code, f->len * sizeof(code[0]));
	if (f->self < f->len)
		code[f->self].k = (uint32_t)getpid();
	if ((err = lacks_kill()) != 0)
		return err;
	rc = syscall(SYS_seccomp, (long)SECCOMP_SET_MODE_FILTER,
	    (long)SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (rc < 0)
		return errno;
	/* The thread that it could not be put on. */
	return rc == 0 ? 0 : ESRCH;
}
