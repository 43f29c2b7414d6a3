#include "faults/stage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hotkey.h"
#include "agent/vault.h"
#include "base/fdio.h"
#include "faults/fault.h"

#define ARG_MAX_LEN	96
#define NEEDLE		12	/* bytes of a secret that are looked for */
#define NEEDLES_MAX	64
#define FDS_MAX		256
#define TRY_MS		500
/* How long what was started may need to see that it is not wanted. */
#define LINGER_MS	15000

/* agent/main.c, under another name. */
int agent_main(int argc, char **argv);

/* What the nursery is asked for: to start, or with n_args 0 to wait. */
struct wish {
	int	 n_args;
	bool	 leaves;	/* some process, after an exit code 0 */
	char	 args[STAGE_ARGS][ARG_MAX_LEN];
	char	 in[ARG_MAX_LEN];
};

/* How it ended. */
struct ending {
	int	 status;	/* as wait(2) has it */
	unsigned left;		/* other processes */
	int	 worst;		/* their status, if not all ended well */
};

/* Memory that all processes share. */
struct common {
	bool		 deep;
	struct stage_seen seen;
	char		 leak[128];	/* where a secret was; or "" */
	size_t		 n_needles;
	uint8_t		 needles[NEEDLES_MAX][NEEDLE];
	uint8_t		 begins[8192];	/* a bit for each two first bytes */
};

struct stage_files stage_files;

static struct common *common;
static int nursery = -1, poke_fd, told_fd, ready_r, ready_w;
static pid_t nursery_pid, child;
static int child_fd = -1;
static unsigned wrongs;
static const char *doing = "";

/*
 * In the agent.
 */

/* Look for secrets in memory, also in what a sanitizer would not have read. */
static void __attribute__((__no_sanitize__("address", "undefined")))
seek(const char *where, const volatile uint8_t *p, size_t n)
{
	for (size_t i = 0; i + NEEDLE <= n; i++) {
		/* Most of it is nothing. */
		if (((uintptr_t)(p + i) & 7) == 0 &&
		    *(const volatile uint64_t *)(const volatile void *)(p + i) == 0) {
			i += 6;
			continue;
		}
		unsigned two = p[i] * 256u + p[i + 1];

		if ((common->begins[two / 8] & 1 << two % 8) == 0)
			continue;
		for (size_t k = 0; k < common->n_needles; k++) {
			size_t same = 0;

			while (same < NEEDLE &&
			    common->needles[k][same] == p[i + same])
				same++;
			if (same == NEEDLE && common->leak[0] == '\0')
				(void)snprintf(common->leak,
				    sizeof(common->leak), "%s, secret %zu, "
				    "byte %zu of %zu", where, k, i, n);
		}
	}
}

static void
on_released(const void *p, size_t n)
{
	seek("a block that was released unwiped", p, n);
}

static void
on_sent(const void *p, size_t n)
{
	seek("bytes that were sent", p, n);
}

static void
count_block(void *arg, const void *p, size_t n, bool ours)
{
	struct stage_seen *seen = arg;

	if (ours) {
		seen->blocks++;
		seen->bytes += n;
	} else {
		seen->libcrypto++;
	}
	if (common->deep)
		seek(ours ? "a block of the heap" :
		    "a block of libcrypto's, outside of the vault", p, n);
}

/* What the process has. */
static void
take_stock(void)
{
	extern uint8_t __data_start[], _end[];
	struct stage_seen seen = { 0 };
	struct secret_usage use;
	struct vault_work work;
	struct stat sb;

	for (int fd = 0; fd < FDS_MAX; fd++)
		seen.fds += fstat(fd, &sb) == 0;
	if (vault_region() != NULL) {
		while (hotkey_cool_one(NULL))
			;
		secret_usage(vault_region(), &use);
		vault_work(&work);
		seen.room = use.room;
		seen.held = work.heap_now;
	}
	fault_heap(count_block, &seen);
	if (common->deep)
		seek("a variable", __data_start,
		    (size_t)(_end - __data_start));
	common->seen = seen;
}

/* The loop has nothing to do, and the test wants to know. */
static void
on_poked(void)
{
	const uint64_t one = 1;

	take_stock();
	(void)!write(told_fd, &one, sizeof(one));
}

/* A sweep closes what it does not know, but not ours. */
void __real_fdio_sweep(const int *keep, size_t n);
void __wrap_fdio_sweep(const int *keep, size_t n);

void
__wrap_fdio_sweep(const int *keep, size_t n)
{
	int all[16];
	size_t i, at = 0;
	int ours[] = { poke_fd, told_fd };

	/* Both are in order, and ours are the higher ones. */
	assert(n + 2 <= sizeof(all) / sizeof(all[0]));
	for (i = 0; i < 2; i++) {
		while (at < n && keep[at] < ours[i]) {
			all[at + i] = keep[at];
			at++;
		}
		all[at + i] = ours[i];
	}
	for (; at < n; at++)
		all[at + 2] = keep[at];
	__real_fdio_sweep(all, n + 2);
}

/* Be the program. */
static void __attribute__((__noreturn__))
run(const struct wish *wish)
{
	const struct fault_watch watch = { .released = on_released,
		.sent = on_sent, .poke_fd = poke_fd, .poked = on_poked };
	static char *argv[STAGE_ARGS + 1];
	int log, out, in, code;

	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	log = open(stage_files.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);
	out = open(stage_files.out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);
	in = open(wish->in[0] != '\0' ? wish->in : "/dev/null",
	    O_RDONLY | O_CLOEXEC);
	if (log < 0 || out < 0 || in < 0 || dup2(in, 0) < 0 ||
	    dup2(out, 1) < 0 || dup2(log, 2) < 0)
		_exit(125);
	(void)close(in);
	(void)close(out);
	(void)close(log);
	for (int i = 0; i < wish->n_args; i++)
		argv[i] = strdup(wish->args[i]);
	fault_watch(&watch);
	fault_subject(true);
	code = agent_main(wish->n_args, argv);
	fault_exempt(true);
	common->deep = true;
	take_stock();
	fault_subject(false);
	exit(code);
}

/*
 * The nursery: what its children leave behind becomes its own.
 */

/* One of our children; 0: there is none. */
static pid_t
a_child(void)
{
	char line[64] = "";
	FILE *f = fopen("/proc/thread-self/children", "re");

	if (f != NULL) {
		(void)!fgets(line, sizeof(line), f);
		(void)fclose(f);
	}
	return (pid_t)atoi(line);
}

/* Wait for a child, but not for ever. */
static bool
reap(pid_t pid, int ms, int *status)
{
	struct timespec nap = { 0, 1000000 };

	for (; ms > 0; ms--) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		(void)nanosleep(&nap, NULL);
	}
	return false;
}

/* The end of a program, and of what it has left behind. */
static void
wait_all(pid_t pid, bool leaves, struct ending *e)
{
	int status;

	*e = (struct ending){ 0 };
	if (waitpid(pid, &e->status, 0) != pid)
		_exit(125);
	leaves = leaves && e->status == 0;
	while ((pid = a_child()) > 0) {
		/* What is about to end is not left. */
		if (!leaves && reap(pid, LINGER_MS, &status))
			continue;
		e->left++;
		(void)kill(pid, SIGTERM);
		if (!reap(pid, STAGE_PATIENCE_MS, &status)) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
		}
		if (WIFSIGNALED(status) || WEXITSTATUS(status) == 99)
			e->worst = status;
	}
}


static void __attribute__((__noreturn__))
nurse(int fd)
{
	static struct wish wish;
	struct ending e;
	pid_t pid = 0;

	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	while (recv(fd, &wish, sizeof(wish), 0) > 0) {
		if (wish.n_args == 0) {
			wait_all(pid, wish.leaves, &e);
			(void)!send(fd, &e, sizeof(e), 0);
			continue;
		}
		if ((pid = fork()) == 0) {
			(void)close(fd);
			run(&wish);
		}
		(void)!send(fd, &pid, sizeof(pid), 0);
	}
	/* Its memory is a copy of the test's, whose it is to release. */
	_exit(0);
}

/* A name in the test's directory. */
static void
name(char *to, size_t n, const char *dir, const char *what)
{
	int len = snprintf(to, n, "%s/%s", dir, what);

	assert(len > 0 && (size_t)len < n);
}

void
stage_open(void)
{
	struct stage_files *f = &stage_files;
	int fds[2], pipes[2];

	(void)snprintf(f->home, sizeof(f->home), "/tmp/bottle-faults.XXXXXX");
	assert(mkdtemp(f->home) != NULL);
	name(f->dir, sizeof(f->dir), f->home, "d");
	name(f->sock, sizeof(f->sock), f->dir, "s");
	name(f->lock, sizeof(f->lock), f->dir, "s.lock");
	name(f->policy, sizeof(f->policy), f->home, "policy");
	name(f->audit, sizeof(f->audit), f->home, "audit");
	name(f->log, sizeof(f->log), f->home, "log");
	name(f->out, sizeof(f->out), f->home, "out");
	name(f->in, sizeof(f->in), f->home, "in");
	name(f->word, sizeof(f->word), f->home, "word");
	assert(mkdir(f->dir, 0700) == 0);
	fault_share();
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(common != MAP_FAILED);
	poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(poke_fd >= 0 && told_fd > poke_fd);
	assert(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
	ready_r = pipes[0];
	ready_w = pipes[1];
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	assert((nursery_pid = fork()) >= 0);
	if (nursery_pid == 0) {
		(void)close(fds[0]);
		nurse(fds[1]);
	}
	(void)close(fds[1]);
	nursery = fds[0];
}

void
stage_close(void)
{
	const struct stage_files *f = &stage_files;
	const char *const files[] = { f->sock, f->lock, f->policy, f->audit, f->log,
		f->out, f->in, f->word };

	(void)close(nursery);
	(void)waitpid(nursery_pid, NULL, 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlink(files[i]);
	(void)rmdir(f->dir);
	(void)rmdir(f->home);
}

/*
 * In the test.
 */

static void
add_needle(const uint8_t *bytes)
{
	unsigned two = bytes[0] * 256u + bytes[1];

	assert(common->n_needles < NEEDLES_MAX);
	memcpy(common->needles[common->n_needles], bytes, NEEDLE);
	common->begins[two / 8] |= (uint8_t)(1 << two % 8);
	common->n_needles++;
}

void
stage_secret(struct slice number)
{
	uint8_t turned[NEEDLE];
	const uint8_t *p = number.p + (number.len - NEEDLE) / 2;

	assert(number.len >= NEEDLE);
	for (size_t i = 0; i < NEEDLE; i++)
		turned[i] = p[NEEDLE - 1 - i];
	add_needle(p);
	add_needle(turned);
}

void
stage_start(const char *const *args, const char *in)
{
	static struct wish wish;
	struct pollfd p;
	char rest[16];

	memset(&wish, 0, sizeof(wish));
	for (; args[wish.n_args] != NULL; wish.n_args++) {
		assert(wish.n_args < STAGE_ARGS);
		(void)snprintf(wish.args[wish.n_args], ARG_MAX_LEN, "%s",
		    strcmp(args[wish.n_args], "READY") != 0 ?
		    args[wish.n_args] : "");
		if (wish.args[wish.n_args][0] == '\0')
			(void)snprintf(wish.args[wish.n_args], ARG_MAX_LEN,
			    "%d", ready_w);
	}
	if (in != NULL)
		(void)snprintf(wish.in, sizeof(wish.in), "%s", in);
	common->deep = false;
	memset(&common->seen, 0, sizeof(common->seen));
	while (read(ready_r, rest, sizeof(rest)) > 0)
		;
	assert(send(nursery, &wish, sizeof(wish), 0) == sizeof(wish));
	p = (struct pollfd){ .fd = nursery, .events = POLLIN };
	assert(poll(&p, 1, STAGE_PATIENCE_MS) == 1);
	assert(recv(nursery, &child, sizeof(child), 0) == sizeof(child));
	assert(child > 0);
	child_fd = (int)syscall(SYS_pidfd_open, child, 0);
	assert(child_fd >= 0);
}

bool
stage_ended(int ms)
{
	struct pollfd p = { .fd = child_fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

bool
stage_serves(void)
{
	struct pollfd p[] = { { .fd = ready_r, .events = POLLIN },
		{ .fd = child_fd, .events = POLLIN } };

	int ms = 0;

	while (poll(p, 2, TRY_MS) == 0 && (ms += TRY_MS) < STAGE_PATIENCE_MS)
		/* It may serve, and what failed was to say so. */
		if (fault_first() == FAULT_send || fault_first() == FAULT_write)
			return true;
	if (ms >= STAGE_PATIENCE_MS) {
		stage_wrong("neither serves nor ends");
		stage_signal(SIGKILL);
		return false;
	}
	return p[0].revents != 0;
}

void
stage_signal(int signo)
{
	(void)kill(child, signo);
}

int
stage_wait(struct stage_seen *seen, bool leaves, unsigned *left)
{
	const struct wish wish = { .n_args = 0, .leaves = leaves };
	struct ending e;

	if (!stage_ended(STAGE_PATIENCE_MS)) {
		stage_wrong("does not end");
		stage_signal(SIGKILL);
	}
	assert(send(nursery, &wish, sizeof(wish), 0) == sizeof(wish));
	assert(recv(nursery, &e, sizeof(e), 0) == sizeof(e));
	(void)close(child_fd);
	child_fd = -1;
	*seen = common->seen;
	if (left != NULL)
		*left = e.left;
	if (e.worst != 0)
		e.status = e.worst;
	return WIFEXITED(e.status) ? WEXITSTATUS(e.status) :
	    128 + WTERMSIG(e.status);
}

bool
stage_look(struct stage_seen *seen, bool deep)
{
	const uint64_t one = 1;
	uint64_t told;
	struct pollfd p[] = { { .fd = told_fd, .events = POLLIN },
		{ .fd = child_fd, .events = POLLIN } };

	common->deep = deep;
	(void)!write(poke_fd, &one, sizeof(one));
	if (poll(p, 2, STAGE_PATIENCE_MS) < 1 || p[0].revents == 0)
		return false;
	(void)!read(told_fd, &told, sizeof(told));
	*seen = common->seen;
	return true;
}

const char *
stage_leak(void)
{
	static char leak[sizeof(common->leak)];

	if (common->leak[0] == '\0')
		return NULL;
	memcpy(leak, common->leak, sizeof(leak));
	common->leak[0] = '\0';
	return leak;
}

void
stage_doing(const char *what)
{
	doing = what;
}

void
stage_wrong(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	FILE *f;

	wrongs++;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)printf("not ok: %s: call %llu, %s: %s\n", doing,
	    (unsigned long long)fault_position(), fault_name(fault_first()),
	    line);
	f = fopen(stage_files.log, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)printf("  | %s", line);
	if (f != NULL)
		(void)fclose(f);
	(void)fflush(stdout);
}

unsigned
stage_wrongs(void)
{
	return wrongs;
}
