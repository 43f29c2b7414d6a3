/*
 * callfilter_make - write callfilters.inc, while the programs are built: the
 * filters of callfilter.h, as C.
 *
 * A filter names what a process calls, as traced under all tests, and what libc
 * needs to complain and abort.  Everything else is answered with EPERM, so that
 * a path nobody thought of fails like any other call and not the whole agent.
 * Only execve(2) and ptrace(2) end the process: nothing of ours ever calls
 * them, so whoever does has taken the process over.
 *
 * The functions return 0 or a negative errno, as libseccomp's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/callfilter.h"

/* The part of socket(2)'s type that is no flag. */
#define SOCKET_TYPE_MASK	0xf
/* Stands for the process that installs a filter: more than a process can have,
 * and nothing else that is compared with. */
#define SELF			0x7ffe1d5eU
/* What the kernel takes. */
#define CODE_MAX		4096
/* libseccomp's measure of a kernel that knows KILL_PROCESS and TSYNC.  Without
 * it libseccomp looks what the kernel is like that this runs on. */
#define LEVEL			3

#ifndef BOTTLE_RELAXED_HARDENING
#define BOTH	(CALLFILTER_SERVER | CALLFILTER_CLIENT)

/* What is let through whatever its arguments are, in the order of its use:
 * where the kernel does not cache the filter's answers, the first ones are
 * found first. */
static const struct {
	const char	*name;
	unsigned	 who;		/* its sets */
} allowed[] = {
	/* A request, from its coming to its reply. */
	{ "epoll_pwait",	CALLFILTER_SERVER },
	{ "recvfrom",		BOTH },
	{ "recvmsg",		CALLFILTER_SERVER },
	{ "sendto",		BOTH },
	{ "getpid",		BOTH },
	{ "rt_sigprocmask",	BOTH },
	{ "futex",		BOTH },
	/* A connection. */
	{ "accept4",		CALLFILTER_SERVER },
	{ "getsockopt",		CALLFILTER_SERVER },
	{ "epoll_ctl",		CALLFILTER_SERVER },
	{ "timerfd_settime",	CALLFILTER_SERVER },
	{ "close",		BOTH },
	/* Its end, where peers can send descriptors. */
	{ "getrusage",		CALLFILTER_BEATS },
	{ "timer_settime",	CALLFILTER_BEATS },
	/* Input, output and the log. */
	{ "read",		BOTH },
	{ "write",		BOTH },
	{ "poll",		BOTH },
	{ "ppoll",		BOTH },
	/* stdio goes back in an account file for a line that is long. */
	{ "lseek",		CALLFILTER_SERVER },
	{ "ftruncate",		CALLFILTER_FILE },
	{ "connect",		CALLFILTER_SYSLOG },	/* see add_special() */
	/* Time and random numbers; the time where there is no vDSO. */
	{ "clock_gettime",	BOTH },
	{ "gettimeofday",	BOTH },
	{ "time",		BOTH },
	{ "getrandom",		BOTH },
	/* malloc() and the end of the vault. */
	{ "brk",		BOTH },
	{ "munmap",		BOTH },
	{ "mremap",		BOTH },
	{ "madvise",		BOTH },
	{ "sched_getaffinity",	BOTH },
	/* Where we are, where there is neither a vDSO nor rseq for it. */
	{ "getcpu",		CALLFILTER_SERVER },
	/* Who and where we are. */
	{ "gettid",		BOTH },
	{ "getppid",		CALLFILTER_SERVER },
	{ "getuid",		BOTH },
	{ "geteuid",		BOTH },
	{ "getgid",		BOTH },
	{ "getegid",		BOTH },
	/* stdio looks at what it writes to; the socket file, at the end. */
	{ "fstat",		BOTH },
	{ "newfstatat",		BOTH },
	{ "unlink",		CALLFILTER_SERVER },
	{ "unlinkat",		CALLFILTER_SERVER },
	{ "rmdir",		CALLFILTER_SERVER },
	/* Signals, and the first steps of a thread made before the filter. */
	{ "rt_sigreturn",	BOTH },
	{ "rt_sigaction",	BOTH },
	{ "restart_syscall",	BOTH },
	{ "set_robust_list",	BOTH },
	{ "rseq",		BOTH },
	/* The end. */
	{ "exit",		BOTH },
	{ "exit_group",		BOTH },
};
#endif

/* Do ${action} at the system call ${name}, when its arguments are as ${n}
 * comparisons say; a call that this architecture lacks is passed over. */
static int
add_rule(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned n,
    const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(name);
	int rc;

	if (number == __NR_SCMP_ERROR)
		return 0;
	rc = seccomp_rule_add_array(ctx, action, number, n, args);
	return rc == -EDOM ? 0 : rc;
}

#ifdef BOTTLE_RELAXED_HARDENING

#define FILTER_DEFAULT	SCMP_ACT_ALLOW

/* For a build with a sanitizer, which makes processes and traces them: only
 * programs are not run, and personality(2) shows that the filter is there. */
static int
add_rules(scmp_filter_ctx ctx, unsigned who)
{
	static const char *const never[] = { "execve", "execveat",
		"personality" };
	size_t i;
	int rc;

	(void)who;
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if ((rc = add_rule(ctx, SCMP_ACT_ERRNO(EPERM), never[i], 0,
		    NULL)) != 0)
			return rc;
	return 0;
}

#else

#define FILTER_DEFAULT	SCMP_ACT_ERRNO(EPERM)

/* What depends on the arguments. */
static int
add_special(scmp_filter_ctx ctx, unsigned who)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2_64(
	    SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp ourselves = SCMP_A0_64(SCMP_CMP_EQ, SELF,
	    0);
	const struct scmp_arg_cmp unix_datagrams[] = {
		SCMP_A0_64(SCMP_CMP_EQ, AF_UNIX, 0),
		SCMP_A1_64(SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_DGRAM),
	};
	/* A policy file, the account files, the name of a peer. */
	const struct scmp_arg_cmp to_read = SCMP_A2_64(SCMP_CMP_MASKED_EQ,
	    O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	/* The audit file. */
	const struct scmp_arg_cmp to_append = SCMP_A2_64(SCMP_CMP_MASKED_EQ,
	    O_ACCMODE | O_TRUNC | O_APPEND, O_WRONLY | O_APPEND);
	int rc;

	if ((rc = add_rule(ctx, SCMP_ACT_ALLOW, "mmap", 1,
	    &not_executable)) != 0 ||
	    (rc = add_rule(ctx, SCMP_ACT_ALLOW, "mprotect", 1,
	    &not_executable)) != 0 ||
	    /* abort(), and with it assert(). */
	    (rc = add_rule(ctx, SCMP_ACT_ALLOW, "tgkill", 1,
	    &ourselves)) != 0)
		return rc;
	if ((who & CALLFILTER_SERVER) != 0 &&
	    (rc = add_rule(ctx, SCMP_ACT_ALLOW, "openat", 1, &to_read)) != 0)
		return rc;
	if ((who & CALLFILTER_FILE) != 0 &&
	    (rc = add_rule(ctx, SCMP_ACT_ALLOW, "openat", 1, &to_append)) != 0)
		return rc;
	/* The logger is connected to again when it was started anew.  Its
	 * socket is one for datagrams; what listens for streams, such as a
	 * container engine, is not to be reached from here. */
	return (who & CALLFILTER_SYSLOG) == 0 ? 0 : add_rule(ctx, SCMP_ACT_ALLOW,
	    "socket", 2, unix_datagrams);
}

static int
add_rules(scmp_filter_ctx ctx, unsigned who)
{
	static const char *const fatal[] = { "execve", "execveat", "ptrace" };
	size_t i;
	int rc;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if ((allowed[i].who & who) == 0)
			continue;
		if ((rc = add_rule(ctx, SCMP_ACT_ALLOW, allowed[i].name, 0,
		    NULL)) != 0)
			return rc;
	}
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if ((rc = add_rule(ctx, SCMP_ACT_KILL_PROCESS, fatal[i], 0,
		    NULL)) != 0)
			return rc;
	return add_special(ctx, who);
}

#endif

static int
make(unsigned who, scmp_filter_ctx ctx)
{
	int rc;

	/* A tree, not a list: the kernel takes each number there is through it
	 * once, to know for which of them it need not run it again.  What has
	 * no trees does without. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* Calls by the numbers of another architecture. */
	if ((rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_ERRNO(EPERM))) != 0)
		return rc;
	return add_rules(ctx, who);
}

/* The filter of ${who}, as a program. */
static int
compile(unsigned who, struct sock_filter code[static CODE_MAX], size_t *len)
{
	scmp_filter_ctx ctx = seccomp_init(FILTER_DEFAULT);
	int fd = memfd_create("filter", MFD_CLOEXEC), rc;
	ssize_t n = 0;

	if (ctx == NULL || fd < 0)
		return -ENOMEM;
	if ((rc = make(who, ctx)) == 0 &&
	    (rc = seccomp_export_bpf(ctx, fd)) == 0 && (n = pread(fd, code,
	    CODE_MAX * sizeof(code[0]), 0)) <= 0)
		rc = -EIO;
	(void)close(fd);
	seccomp_release(ctx);
	*len = (size_t)n / sizeof(code[0]);
	return rc;
}

/* Where ${code} compares with SELF; ${len}: nowhere, in a build where nothing
 * is to.  -1: not as it should. */
static long
find_self(const struct sock_filter *code, size_t len)
{
	size_t at = len;

	for (size_t i = 0; i < len; i++) {
		if (code[i].k != SELF)
			continue;
		if (at != len || code[i].code != (BPF_JMP | BPF_JEQ | BPF_K))
			return -1;
		at = i;
	}
	return at != len || FILTER_DEFAULT == SCMP_ACT_ALLOW ? (long)at : -1;
}

/* Whether there is a process with these rows. */
static int
is_somebody(unsigned who)
{
	return who == CALLFILTER_CLIENT ||
	    (who & (CALLFILTER_SERVER | CALLFILTER_CLIENT)) == CALLFILTER_SERVER;
}

int
main(void)
{
	static struct sock_filter code[CODE_MAX];
	size_t len[CALLFILTER_ALL] = { 0 }, longest = 0;
	long self[CALLFILTER_ALL] = { 0 };

	if (seccomp_api_set(LEVEL) != 0) {
		(void)fprintf(stderr, "callfilter_make: libseccomp is too "
		    "old\n");
		return 1;
	}
	for (unsigned who = 0; who < CALLFILTER_ALL; who++) {
		if (!is_somebody(who))
			continue;
		int rc = compile(who, code, &len[who]);

		if (rc != 0 || (self[who] = find_self(code, len[who])) < 0) {
			(void)fprintf(stderr, "callfilter_make: filter %u: %s\n",
			    who, rc != 0 ? strerror(-rc) :
			    "which process it is, is not compared once");
			return 1;
		}
		if (len[who] > longest)
			longest = len[who];
		(void)printf("static const struct sock_filter code_%u[] = {\n",
		    who);
		for (size_t i = 0; i < len[who]; i++)
			(void)printf("\t{ 0x%x, %u, %u, 0x%x },\n",
			    code[i].code, code[i].jt, code[i].jf, code[i].k);
		(void)printf("};\n");
	}
	(void)printf("#define CALLFILTER_LEN %zu\n"
	    "static const struct callfilter filters[CALLFILTER_ALL] = {\n",
	    longest);
	for (unsigned who = 0; who < CALLFILTER_ALL; who++)
		if (len[who] > 0)
			(void)printf("\t[%u] = { code_%u, %zu, %ld },\n", who,
			    who, len[who], self[who]);
	(void)printf("};\n");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
