/*
 * One word of state decides in the usual case that nothing is to fail, so that
 * what is not armed costs next to nothing.
 */
#include "faults/fault.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "base/secret.h"

#define ERRNOS		4
/* In the place of an errno: less is done than was asked for. */
#define SHORT		(-1)
/* Blocks of the heap that can be told of; a power of two. */
#define BLOCKS		(1u << 16)
#define TOMB		((void *)1)
/* A target may have a function of its own in the place of one of these. */
#define WEAK		__attribute__((__weak__))
/* Descriptors that can be told apart. */
#define FDS_MAX		4096

static const struct {
	const char	*name;
	unsigned	 group;
	int		 errnos[ERRNOS];
} calls[] = {
#define CALL(group, type, name, params, args, failure, ...)	\
	{ #name, FAULT_##group, { __VA_ARGS__ } },
#define HAND(group, name, ...)					\
	{ #name, FAULT_##group, { __VA_ARGS__ } },
#include "faults/calls.h"
#undef CALL
#undef HAND
};

/* What processes share after fault_share(). */
struct shared {
	atomic_bool		 armed;
	struct fault_plan	 plan;
	unsigned		 one_in;	/* by chance; 0: as planned */
	_Atomic uint64_t	 chance;	/* state of the generator */
	_Atomic uint64_t	 at;		/* calls since it was armed */
	atomic_uint		 first;		/* call + 1 that failed first */
	uint16_t		 trace[FAULT_TRACE];	/* call + 1 */
	struct {
		_Atomic uint64_t called, failed;
	} counts[FAULT_CALLS];
};

static struct shared own, *state = &own;
static bool subject;
static _Thread_local unsigned exempt, in_libcrypto;
static atomic_bool is_eventfd[FDS_MAX];
static struct fault_watch watch = { .poke_fd = -1 };

/* Blocks of the heap, found by address. */
static struct {
	struct block {
		void	*p;
		bool	 ours;
	}		*at;
	pthread_mutex_t	 lock;
} heap = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Wrapped, so that only these are sure to be the real ones. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
long __real_syscall(long nr, ...);
ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_send(int fd, const void *p, size_t n, int flags);
int __real_epoll_ctl(int fd, int op, int on, struct epoll_event *ev);
int __real_epoll_pwait(int fd, struct epoll_event *ev, int n, int ms,
    const sigset_t *mask);
int __real_fcntl(int fd, int op, ...);
ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_close(int fd);
int __real_eventfd(unsigned n, int flags);
int __real_open(const char *path, int flags, ...);
int __real_fclose(FILE *f);
int __real_prctl(int op, ...);
int __real_CRYPTO_set_mem_functions(CRYPTO_malloc_fn m, CRYPTO_realloc_fn r,
    CRYPTO_free_fn f);

void *__wrap_malloc(size_t n) WEAK;
void *__wrap_calloc(size_t n, size_t size) WEAK;
void *__wrap_realloc(void *p, size_t n) WEAK;
void *__wrap_reallocarray(void *p, size_t n, size_t size) WEAK;
char *__wrap_strdup(const char *s) WEAK;
void __wrap_free(void *p) WEAK;
long __wrap_syscall(long nr, ...) WEAK;
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags) WEAK;
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags) WEAK;
int __wrap_epoll_ctl(int fd, int op, int on, struct epoll_event *ev) WEAK;
int __wrap_epoll_pwait(int fd, struct epoll_event *ev, int n, int ms,
    const sigset_t *mask) WEAK;
int __wrap_fcntl(int fd, int op, ...) WEAK;
ssize_t __wrap_read(int fd, void *p, size_t n) WEAK;
ssize_t __wrap_write(int fd, const void *p, size_t n) WEAK;
int __wrap_close(int fd) WEAK;
int __wrap_eventfd(unsigned n, int flags) WEAK;
int __wrap_open(const char *path, int flags, ...) WEAK;
int __wrap_fclose(FILE *f) WEAK;
int __wrap_prctl(int op, ...) WEAK;
int __wrap_CRYPTO_set_mem_functions(CRYPTO_malloc_fn m, CRYPTO_realloc_fn r,
    CRYPTO_free_fn f) WEAK;

/*
 * Which call fails.
 */

/* Whether ${call} fails by chance: splitmix64, a step for each call. */
static bool
is_unlucky(void)
{
	uint64_t x = atomic_fetch_add(&state->chance, 0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) % state->one_in == 0;
}

/* Whether ${call} is like the one that failed first. */
static bool
is_alike(enum fault_call call)
{
	unsigned first = atomic_load(&state->first);

	if (first == 0)
		return false;
	if (call == first - 1)
		return true;
	return (calls[call].group & (FAULT_MEMORY | FAULT_LIBCRYPTO |
	    FAULT_VAULT)) != 0 &&
	    calls[call].group == calls[first - 1].group;
}

/* Whether the call at this place is to fail. */
static bool
is_planned(enum fault_call call, uint64_t at)
{
	const struct fault_plan *p = &state->plan;

	if (p->n == 0 || at < p->n)
		return false;
	return at == p->n || (p->then != 0 && at == p->n + p->then) ||
	    (p->on && is_alike(call));
}

/* Whether the ${call} that is being made fails; then *${err} is how. */
static bool
fault_here(enum fault_call call, int *err)
{
	unsigned none = 0, variant;
	uint64_t at;

	*err = 0;
	if (!subject || exempt > 0 || !atomic_load(&state->armed) ||
	    (calls[call].group & state->plan.groups) == 0)
		return false;
	(void)atomic_fetch_add(&state->counts[call].called, 1);
	at = atomic_fetch_add(&state->at, 1) + 1;
	if (at <= FAULT_TRACE)
		state->trace[at - 1] = (uint16_t)(call + 1);
	if (state->one_in > 0 ? !is_unlucky() : !is_planned(call, at))
		return false;
	variant = state->one_in > 0 ? (unsigned)at : state->plan.variant;
	*err = calls[call].errnos[variant % fault_variants(call)];
	/* No signal comes for ever. */
	if (*err == EINTR && state->plan.on && at != state->plan.n)
		return false;
	(void)atomic_fetch_add(&state->counts[call].failed, 1);
	(void)atomic_compare_exchange_strong(&state->first, &none,
	    (unsigned)call + 1);
	return true;
}

/* The same for calls that are to set errno. */
static bool
fails(enum fault_call call)
{
	int err;

	if (!fault_here(call, &err))
		return false;
	errno = err;
	return true;
}

bool
fault_fails(enum fault_call call)
{
	return fails(call);
}

void
fault_share(void)
{
	void *p = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert(p != MAP_FAILED);
	state = p;
}

void
fault_subject(bool on)
{
	subject = on;
}

void
fault_exempt(bool on)
{
	assert(on || exempt > 0);
	exempt = on ? exempt + 1 : exempt - 1;
}

static void
arm(const struct fault_plan *plan, uint64_t seed, unsigned one_in)
{
	atomic_store(&state->armed, false);
	state->plan = *plan;
	state->one_in = one_in;
	atomic_store(&state->chance, seed);
	atomic_store(&state->at, 0);
	atomic_store(&state->first, 0);
	memset(state->trace, 0, sizeof(state->trace));
	atomic_store(&state->armed, true);
}

void
fault_arm(const struct fault_plan *plan)
{
	arm(plan, 0, 0);
}

void
fault_seed(uint64_t seed, unsigned one_in, unsigned groups)
{
	const struct fault_plan plan = { .groups = groups };

	arm(&plan, seed, one_in > 0 ? one_in : 1);
}

bool
fault_off(void)
{
	atomic_store(&state->armed, false);
	return atomic_load(&state->first) != 0;
}

enum fault_call
fault_first(void)
{
	unsigned first = atomic_load(&state->first);

	return first > 0 ? first - 1 : FAULT_CALLS;
}

uint64_t
fault_position(void)
{
	return atomic_load(&state->at);
}

enum fault_call
fault_trace(uint64_t n)
{
	return n > 0 && n <= FAULT_TRACE && state->trace[n - 1] > 0 ?
	    state->trace[n - 1] - 1u : FAULT_CALLS;
}

const char *
fault_name(enum fault_call call)
{
	return call < FAULT_CALLS ? calls[call].name : "nothing";
}

unsigned
fault_group(enum fault_call call)
{
	return calls[call].group;
}

unsigned
fault_variants(enum fault_call call)
{
	unsigned n = 0;

	while (n < ERRNOS && calls[call].errnos[n] != 0)
		n++;
	return n > 0 ? n : 1;
}

void
fault_count(enum fault_call call, struct fault_count *out)
{
	out->called = atomic_load(&state->counts[call].called);
	out->failed = atomic_load(&state->counts[call].failed);
}

void
fault_forget_counts(void)
{
	memset(state->counts, 0, sizeof(state->counts));
}

/*
 * The heap.
 */

void
fault_watch(const struct fault_watch *w)
{
	watch = *w;
	if (heap.at != NULL)
		return;
	heap.at = mmap(NULL, BLOCKS * sizeof(heap.at[0]),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(heap.at != MAP_FAILED);
}

/* Where ${p} is, or could be. */
static struct block *
block_at(const void *p)
{
	size_t i = (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15 >> 40);
	struct block *free_one = NULL, *b;

	for (size_t n = 0; n < BLOCKS; n++) {
		b = &heap.at[(i + n) % BLOCKS];
		if (b->p == p)
			return b;
		if (b->p == TOMB && free_one == NULL)
			free_one = b;
		if (b->p == NULL)
			return free_one != NULL ? free_one : b;
	}
	assert(free_one != NULL);
	return free_one;
}

/* A block was taken. */
static void *
taken(void *p)
{
	struct block *b;

	if (p == NULL || heap.at == NULL || !subject || exempt > 0)
		return p;
	(void)pthread_mutex_lock(&heap.lock);
	b = block_at(p);
	b->p = p;
	b->ours = in_libcrypto == 0;
	(void)pthread_mutex_unlock(&heap.lock);
	return p;
}

/* A block is about to be released. */
static void
released(void *p)
{
	struct block *b;

	if (p == NULL || heap.at == NULL)
		return;
	if (subject && watch.released != NULL)
		watch.released(p, malloc_usable_size(p));
	(void)pthread_mutex_lock(&heap.lock);
	b = block_at(p);
	if (b->p == p)
		b->p = TOMB;
	(void)pthread_mutex_unlock(&heap.lock);
}

void
fault_heap(void (*each)(void *arg, const void *p, size_t n, bool ours),
    void *arg)
{
	if (heap.at == NULL)
		return;
	(void)pthread_mutex_lock(&heap.lock);
	for (size_t i = 0; i < BLOCKS; i++)
		if (heap.at[i].p != NULL && heap.at[i].p != TOMB)
			each(arg, heap.at[i].p,
			    malloc_usable_size(heap.at[i].p), heap.at[i].ours);
	(void)pthread_mutex_unlock(&heap.lock);
}

/* Who asks for memory. */
static enum fault_call
asker(enum fault_call call)
{
	return in_libcrypto > 0 ? FAULT_libcrypto_malloc : call;
}

void *
__wrap_malloc(size_t n)
{
	return fails(asker(FAULT_malloc)) ? NULL : taken(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails(asker(FAULT_calloc)) ? NULL :
	    taken(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	void *fresh;

	if (fails(asker(FAULT_realloc)))
		return NULL;
	fresh = __real_realloc(p, n);
	if (fresh != NULL && fresh != p && heap.at != NULL) {
		struct block *b;

		(void)pthread_mutex_lock(&heap.lock);
		b = block_at(p);
		if (p != NULL && b->p == p)
			b->p = TOMB;
		(void)pthread_mutex_unlock(&heap.lock);
	}
	return fresh != p ? taken(fresh) : fresh;
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	if (fails(asker(FAULT_reallocarray)))
		return NULL;
	fault_exempt(true);
	p = __wrap_realloc(p, all);
	fault_exempt(false);
	return taken(p);
}

char *
__wrap_strdup(const char *s)
{
	return fails(FAULT_strdup) ? NULL : taken(__real_strdup(s));
}

void
__wrap_free(void *p)
{
	released(p);
	__real_free(p);
}

/* libcrypto's hooks, so that it is known who asks. */
static struct {
	CRYPTO_malloc_fn	 take;
	CRYPTO_realloc_fn	 move;
	CRYPTO_free_fn		 give;
} hooks;

static void *
hook_malloc(size_t n, const char *file, int line)
{
	void *p;

	in_libcrypto++;
	p = hooks.take(n, file, line);
	in_libcrypto--;
	return p;
}

static void *
hook_realloc(void *p, size_t n, const char *file, int line)
{
	in_libcrypto++;
	p = hooks.move(p, n, file, line);
	in_libcrypto--;
	return p;
}

int
__wrap_CRYPTO_set_mem_functions(CRYPTO_malloc_fn m, CRYPTO_realloc_fn r,
    CRYPTO_free_fn f)
{
	if (fails(FAULT_CRYPTO_set_mem_functions))
		return 0;
	hooks.take = m;
	hooks.move = r;
	hooks.give = f;
	return __real_CRYPTO_set_mem_functions(hook_malloc, hook_realloc, f);
}

/*
 * Calls that are more than a line.
 */

/* Nothing of ours has more than four arguments there. */
long
__wrap_syscall(long nr, ...)
{
	long a[4];
	va_list ap;

	va_start(ap, nr);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (fails(FAULT_syscall))
		return -1;
	return __real_syscall(nr, a[0], a[1], a[2], a[3]);
}

/* How much is done of ${n} bytes. */
static size_t
half(size_t n)
{
	return n > 1 ? n / 2 : n;
}

ssize_t
__wrap_recv(int fd, void *p, size_t n, int flags)
{
	int err;

	if (fault_here(FAULT_recv, &err)) {
		if (err != SHORT) {
			errno = err;
			return -1;
		}
		n = half(n);
	}
	return __real_recv(fd, p, n, flags);
}

/* Let the test see what leaves. */
static void
sends(const void *p, size_t n)
{
	if (subject && watch.sent != NULL)
		watch.sent(p, n);
}

ssize_t
__wrap_send(int fd, const void *p, size_t n, int flags)
{
	int err;

	sends(p, n);
	if (fault_here(FAULT_send, &err)) {
		if (err != SHORT) {
			errno = err;
			return -1;
		}
		n = half(n);
	}
	return __real_send(fd, p, n, flags);
}

/* Whether it is an eventfd: reading and writing those cannot fail. */
static bool
counts(int fd)
{
	return fd >= 0 && fd < FDS_MAX && atomic_load(&is_eventfd[fd]);
}

ssize_t
__wrap_read(int fd, void *p, size_t n)
{
	int err;

	if (!counts(fd) && fault_here(FAULT_read, &err)) {
		if (err != SHORT) {
			errno = err;
			return -1;
		}
		n = half(n);
	}
	return __real_read(fd, p, n);
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	int err;

	sends(p, n);
	if (!counts(fd) && fault_here(FAULT_write, &err)) {
		if (err != SHORT) {
			errno = err;
			return -1;
		}
		n = half(n);
	}
	return __real_write(fd, p, n);
}

int
__wrap_eventfd(unsigned n, int flags)
{
	int fd;

	if (fails(FAULT_eventfd))
		return -1;
	fd = __real_eventfd(n, flags);
	if (fd >= 0 && fd < FDS_MAX)
		atomic_store(&is_eventfd[fd], true);
	return fd;
}

/* Linux closes it whatever it then says. */
int
__wrap_close(int fd)
{
	int rc;

	if (fd >= 0 && fd < FDS_MAX)
		atomic_store(&is_eventfd[fd], false);
	rc = __real_close(fd);

	return fails(FAULT_close) ? -1 : rc;
}

int
__wrap_fclose(FILE *f)
{
	int rc = __real_fclose(f);

	return fails(FAULT_fclose) ? EOF : rc;
}

int
__wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & (O_CREAT | __O_TMPFILE)) != 0) {
		va_start(ap, flags);
		mode = (mode_t)va_arg(ap, int);
		va_end(ap);
	}
	return fails(FAULT_open) ? -1 : __real_open(path, flags, mode);
}

int
__wrap_fcntl(int fd, int op, ...)
{
	va_list ap;
	long arg;

	va_start(ap, op);
	arg = va_arg(ap, long);
	va_end(ap);
	return fails(FAULT_fcntl) ? -1 : __real_fcntl(fd, op, arg);
}

int
__wrap_prctl(int op, ...)
{
	unsigned long a[4];
	va_list ap;

	va_start(ap, op);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	return fails(FAULT_prctl) ? -1 :
	    __real_prctl(op, a[0], a[1], a[2], a[3]);
}

/* What is there can be changed and taken away whatever happens. */
int
__wrap_epoll_ctl(int fd, int op, int on, struct epoll_event *ev)
{
	if (op == EPOLL_CTL_ADD && fails(FAULT_epoll_ctl))
		return -1;
	return __real_epoll_ctl(fd, op, on, ev);
}

/* Waits for the test as well, if that wants to be heard. */
int
__wrap_epoll_pwait(int fd, struct epoll_event *ev, int n, int ms,
    const sigset_t *mask)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = watch.poke_fd, .events = POLLIN } };
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };
	uint64_t pokes;
	int rc;

	if (fails(FAULT_epoll_pwait))
		return -1;
	if (!subject || watch.poke_fd < 0 || ms == 0)
		return __real_epoll_pwait(fd, ev, n, ms, mask);
	fault_exempt(true);
	rc = ppoll(p, 2, ms < 0 ? NULL : &left, mask);
	if (rc > 0 && p[0].revents == 0 && p[1].revents != 0 &&
	    __real_read(watch.poke_fd, &pokes, sizeof(pokes)) > 0)
		watch.poked();
	fault_exempt(false);
	if (rc < 0)
		return -1;
	return __real_epoll_pwait(fd, ev, n, 0, mask);
}

/*
 * All others.
 */

#define CALL(group, type, name, params, args, failure, ...)	\
type __real_##name params;					\
type __wrap_##name params WEAK;					\
type								\
__wrap_##name params						\
{								\
	int err;						\
								\
	if (fault_here(FAULT_##name, &err)) {			\
		if (err != 0)					\
			errno = err;				\
		return failure;					\
	}							\
	return __real_##name args;				\
}
#define HAND(group, name, ...)
#include "faults/calls.h"
