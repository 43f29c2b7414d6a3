/*
 * intruder - try to look into another process, or to steer it.
 *
 * usage: intruder PID WAY...
 *
 * Each WAY prints one line, "WAY: refused" or "WAY: it worked".
 * Exit status: 0 all were refused; 1 one worked; 2 wrong use.  A try that
 * fails for another reason than a lack of rights counts as one that worked,
 * since it shows nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Open one file of /proc/PID. */
static long
open_proc(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static long
try_mem(pid_t pid)
{
	return open_proc(pid, "mem");
}

static long
try_maps(pid_t pid)
{
	char byte;
	long fd = open_proc(pid, "maps");

	/* It can be opened by some who cannot read it. */
	return fd < 0 ? fd : read((int)fd, &byte, 1);
}

static long
try_environ(pid_t pid)
{
	return open_proc(pid, "environ");
}

/* A process that is seized goes on: it does no harm where it works. */
static long
try_ptrace(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL);
}

static long
try_readv(pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };

	return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

static long
try_getfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? 0 : syscall(SYS_pidfd_getfd, (int)fd, 0, 0);
}

static long
try_limit(pid_t pid)
{
	struct rlimit core;

	return prlimit(pid, RLIMIT_CORE, NULL, &core);
}

static long
try_cont(pid_t pid)
{
	return kill(pid, SIGCONT);
}

static long
try_term(pid_t pid)
{
	return kill(pid, SIGTERM);
}

static const struct {
	const char	*name;
	long		(*fn)(pid_t pid);
} ways[] = {
	{ "mem",	try_mem },
	{ "maps",	try_maps },
	{ "environ",	try_environ },
	{ "ptrace",	try_ptrace },
	{ "readv",	try_readv },
	{ "getfd",	try_getfd },
	{ "limit",	try_limit },
	{ "cont",	try_cont },
	{ "term",	try_term },
};

/* Try one way; 1 when it was not refused, -1 when there is none such. */
static int
try_way(pid_t pid, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, name) != 0)
			continue;
		if (ways[i].fn(pid) >= 0) {
			(void)printf("%s: it worked\n", name);
			return 1;
		}
		if (errno != EPERM && errno != EACCES) {
			(void)printf("%s: %s\n", name, strerror(errno));
			return 1;
		}
		(void)printf("%s: refused\n", name);
		return 0;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	pid_t pid = argc > 2 ? (pid_t)atol(argv[1]) : 0;
	int i, one, any = 0;

	if (pid <= 0)
		return 2;
	for (i = 2; i < argc; i++) {
		if ((one = try_way(pid, argv[i])) < 0)
			return 2;
		any |= one;
	}
	return any;
}
