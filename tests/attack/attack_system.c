/*
 * Around the protocol: the agent's process, what /proc shows of it, and the
 * place of its socket.
 */
#include "tests/attack/attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/attack/talk.h"
#include "tests/attack/trial.h"

/* The pid that is the first word; ends the attack where there is none. */
static pid_t
pid_of(int argc, char **argv)
{
	uint64_t pid = 0;

	if (argc < 2 || num_u64(argv[1], 1, INT32_MAX, &pid) != ST_OK) {
		(void)fprintf(stderr, "which process?\n");
		exit(2);
	}
	return (pid_t)pid;
}

/* Every signal, by every way to send one. */
static void
try_signals(pid_t pid, int pidfd)
{
	union sigval nothing = { .sival_int = 0 };

	for (int sig = 0; sig <= SIGRTMAX; sig++) {
		/* libc keeps two for itself. */
		if (sig == 32 || sig == 33)
			continue;
		trial_denied(strsignal(sig), kill(pid, sig));
		trial_denied("tgkill", syscall(SYS_tgkill, pid, pid, sig));
		trial_denied("sigqueue", sigqueue(pid, sig, nothing));
		if (pidfd >= 0)
			trial_denied("pidfd_send_signal", syscall(
			    SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
	}
}

/* Have the kernel send SIGKILL for input on a socket of ours: it looks at who
 * asked when it is due, and says nothing. */
static void
try_sigio(pid_t pid)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return;
	(void)fcntl(pair[0], F_SETSIG, SIGKILL);
	(void)fcntl(pair[0], F_SETOWN, pid);
	(void)fcntl(pair[0], F_SETFL, O_ASYNC);
	(void)!write(pair[1], "x", 1);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* Look into its memory, take its descriptors, change how it runs. */
static void
try_steering(pid_t pid, int pidfd)
{
	const struct sched_param idle = { .sched_priority = 0 };
	struct rlimit none = { 0, 0 };
	char byte = 0;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	trial_denied("attach", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	trial_denied("seize", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	trial_denied("readv", process_vm_readv(pid, &here, 1, &there, 1, 0));
	trial_denied("writev", process_vm_writev(pid, &here, 1, &there, 1, 0));
	trial_denied("see a limit", prlimit(pid, RLIMIT_CORE, NULL, &none));
	trial_denied("set a limit", prlimit(pid, RLIMIT_NOFILE, &none, NULL));
	trial_denied("priority", setpriority(PRIO_PROCESS, (id_t)pid, 19));
	trial_denied("scheduler", sched_setscheduler(pid, SCHED_IDLE, &idle));
	trial_denied("affinity", sched_setaffinity(pid, sizeof(cpus), &cpus));
	for (int fd = 0; pidfd >= 0 && fd < 16; fd++)
		trial_denied("getfd", syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

int
attack_process(int argc, char **argv)
{
	pid_t pid = pid_of(argc, argv);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* First what would not be noticed once it is dead. */
	try_steering(pid, pidfd);
	try_sigio(pid);
	try_signals(pid, pidfd);
	return trial_end();
}

/* Files of /proc/PID, read and written. */
static const struct {
	const char	*name;
	int		 flags;
} files[] = {
	{ "mem", O_RDONLY },
	{ "mem", O_RDWR },
	{ "maps", O_RDONLY },
	{ "smaps", O_RDONLY },
	{ "environ", O_RDONLY },
	{ "auxv", O_RDONLY },
	{ "io", O_RDONLY },
	{ "pagemap", O_RDONLY },
	{ "stack", O_RDONLY },
	{ "syscall", O_RDONLY },
	{ "personality", O_RDONLY },
	{ "fd", O_RDONLY | O_DIRECTORY },
	{ "fd/3", O_RDWR },
	{ "fdinfo", O_RDONLY | O_DIRECTORY },
	{ "map_files", O_RDONLY | O_DIRECTORY },
	{ "root/", O_RDONLY | O_DIRECTORY },
	{ "cwd/", O_RDONLY | O_DIRECTORY },
	{ "exe", O_RDONLY },
	{ "ns/mnt", O_RDONLY },
	{ "clear_refs", O_WRONLY },
	{ "comm", O_WRONLY },
	{ "oom_score_adj", O_WRONLY },
	{ "coredump_filter", O_WRONLY },
};

/* Some can be opened and not read; one that is not there is no danger. */
static void
try_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	char byte = '0';
	long n = fd;

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd >= 0 && (flags & O_DIRECTORY) == 0)
		n = (flags & O_ACCMODE) == O_RDONLY ? read(fd, &byte, 1) :
		    write(fd, &byte, 1);
	trial_denied(path, n);
	if (fd >= 0)
		(void)close(fd);
}

int
attack_proc(int argc, char **argv)
{
	static const char *const links[] = { "exe", "cwd", "root", "ns/mnt" };
	pid_t pid = pid_of(argc, argv);
	char path[128], to[256];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid,
		    files[i].name);
		try_file(path, files[i].flags);
		(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/%s",
		    (long)pid, (long)pid, files[i].name);
		try_file(path, files[i].flags);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid,
		    links[i]);
		trial_denied(path, readlink(path, to, sizeof(to)));
	}
	return trial_end();
}

/* Put a socket of ours where the agent's is. */
static int
bind_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path))
		return 0;
	(void)strcpy(sun.sun_path, path);
	return bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
}

int
attack_place(int argc, char **argv)
{
	const char *sock = talk_path();
	char lock[256], beside[256], mine[] = "/tmp/attack.XXXXXX";
	int fd = mkstemp(mine);

	(void)argc;
	(void)argv;
	(void)close(fd);
	(void)snprintf(lock, sizeof(lock), "%s.lock", sock);
	(void)snprintf(beside, sizeof(beside), "%s.new", sock);
	trial_denied("move it away", rename(sock, "/tmp/attack.moved"));
	trial_denied("move it aside", rename(sock, beside));
	trial_denied("swap it", renameat2(AT_FDCWD, sock, AT_FDCWD, lock,
	    RENAME_EXCHANGE));
	trial_denied("chmod", chmod(sock, 0777));
	trial_denied("chown", chown(sock, getuid(), getgid()));
	trial_denied("remove it", unlink(sock));
	trial_denied("remove its lock", unlink(lock));
	trial_denied("symlink beside it", symlink(mine, beside));
	trial_denied("folder beside it", mkdir(beside, 0777));
	trial_denied("socket beside it", bind_at(beside));
	trial_holds("no socket in its place", bind_at(sock) != 0);
	trial_holds("no symlink in its place", symlink(mine, sock) != 0);
	trial_holds("no file in its place", rename(mine, sock) != 0);
	/* Whoever can open it could lock it, and keep an agent from
	 * starting. */
	trial_denied("open its lock", open(lock, O_RDONLY | O_CLOEXEC));
	trial_denied("write its lock", open(lock, O_RDWR | O_CLOEXEC));
	trial_denied("mount over it", mount(mine, sock, NULL, MS_BIND, NULL));
	(void)unlink(mine);
	return trial_end();
}
