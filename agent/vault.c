#include "agent/vault.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "agent/opstack.h"

/*
 * libcrypto copies a private key into several allocations of its own, and its
 * secure heap covers only some of them (RSA ignores it altogether).  So the
 * allocator itself is taken over: inside an operation every allocation is a
 * piece of the vault.  Only inside: libcrypto's long-lived tables would
 * otherwise fill it with what is no secret.
 *
 * A block is released where it came from, told by its address, and wiped
 * either way: what was allocated before an operation may be filled in it.
 *
 * libcrypto's tables of algorithms stay outside even then.  All threads share
 * them, and they last: to be looked up a name is copied, and when there is no
 * room for the copy, libcrypto takes the algorithm for one that it does not
 * know and puts a new entry in the place of the old one, for good.
 */
static struct {
	struct secret		*region;
	uint8_t			*stacks;	/* VAULT_STACK bytes each */
	size_t			 threads;	/* beside the first one */
	atomic_size_t		 attached;	/* of them */
	bool			 measure;
	size_t			 op_room;	/* for operations, without the
						 * stacks */
	atomic_size_t		 heap_now;	/* without what operations
						 * under way took and gave */
	/* An operation holds this for reading, one that is to be alone for
	 * writing. */
	pthread_rwlock_t	 running;
	pthread_mutex_t		 big;		/* held by an operation with
						 * VAULT_BIG */
	bool			 crypto;	/* libcrypto is there */
} vault;

/* A signal came on the first stack since it was wiped. */
static volatile sig_atomic_t soiled;

/* What one thread does. */
static _Thread_local struct {
	void			*stack;
	bool			 warm;		/* see warm_thread() */
	unsigned		 depth;
	bool			 strict;
	bool			 was_full;
	atomic_bool		*spoilt;	/* see vault_watch() */
	/* Bytes that this operation took and did not give back, and the most
	 * of them; what it released of others counts against it. */
	ptrdiff_t		 held, top;
	struct vault_work	 work;
} mine;

struct secret *
vault_region(void)
{
	return vault.region;
}

/* Whether a block came from the vault. */
static bool
is_ours(const void *p)
{
	return vault.region != NULL && secret_owns(vault.region, p);
}

/* Count what a piece takes, or gives when it is less than nothing: for the
 * operation under way as long as there is one, so that no other thread has to
 * wait for the number. */
static void
count(ptrdiff_t size)
{
	if (mine.depth == 0) {
		(void)atomic_fetch_add(&vault.heap_now, (size_t)size);
		return;
	}
	mine.held += size;
	if (mine.held > mine.top)
		mine.top = mine.held;
}

/* Whether libcrypto's source file ${file} is one of those that see to the
 * tables of algorithms; no secret passes through them. */
static bool
is_table(const char *file)
{
	static const struct {
		const char	*name;
		size_t		 len;
	} tables[] = {
#define TABLE(name)	{ name, sizeof(name) - 1 }
		TABLE("crypto/core_namemap.c"),
		TABLE("crypto/property/property.c"),
#undef TABLE
	};
	size_t len = file != NULL ? strlen(file) : 0;

	/* It is a path from wherever libcrypto was built. */
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (len >= tables[i].len && memcmp(file + len - tables[i].len,
		    tables[i].name, tables[i].len) == 0)
			return true;
	return false;
}

/* A piece for libcrypto. */
static void *
take(size_t n)
{
	size_t room = 0;
	void *p = secret_alloc_low(vault.region, n, mine.strict, &room);

	if (p != NULL) {
		count((ptrdiff_t)(room + VAULT_OVERHEAD));
		return p;
	}
	mine.was_full = true;
	if (mine.spoilt != NULL)
		atomic_store(mine.spoilt, true);
	return NULL;
}

/* libcrypto's malloc. */
static void *
hook_malloc(size_t n, const char *file, int line)
{
	(void)line;
	if (n == 0)
		return NULL;
	return mine.depth > 0 && !is_table(file) ? take(n) : malloc(n);
}

/* libcrypto's free. */
static void
hook_free(void *p, const char *file, int line)
{
	size_t room;

	(void)file;
	(void)line;
	if (p == NULL)
		return;
	if (is_ours(p)) {
		room = secret_free(vault.region, p);
		count(-(ptrdiff_t)(room + VAULT_OVERHEAD));
		return;
	}
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* libcrypto's realloc: always a move, so that no old copy is left unwiped. */
static void *
hook_realloc(void *p, size_t n, const char *file, int line)
{
	bool inside;
	void *fresh;
	size_t have;

	if (p == NULL)
		return hook_malloc(n, file, line);
	if (n == 0) {
		hook_free(p, file, line);
		return NULL;
	}
	/* A block in the vault stays there: it may hold a secret. */
	inside = is_ours(p) || (mine.depth > 0 && !is_table(file));
	have = is_ours(p) ? secret_size(vault.region, p) :
	    malloc_usable_size(p);
	if (n <= have && inside == is_ours(p))
		return p;
	fresh = inside ? take(n) : malloc(n);
	if (fresh == NULL)
		return NULL;
	memcpy(fresh, p, n < have ? n : have);
	hook_free(p, file, line);
	return fresh;
}

/* How many threads beside the first one a region has room for. */
static size_t
room_for_threads(size_t size, size_t wanted)
{
	size_t most = size / 4 / (VAULT_STACK + VAULT_SHARE);

	if (size < VAULT_LARGE)
		return 0;
	return wanted < most ? wanted : most;
}

/* How much of a region is for operations, stacks aside. */
static size_t
room_for_operations(size_t size, size_t threads)
{
	if (size >= VAULT_LARGE)
		return VAULT_LARGE_ROOM + threads * VAULT_SHARE;
	return (size - VAULT_STACK) / 10 * 7;
}

/* The lowest pieces: the stacks, and what is reserved for operations.  Running
 * off the end of the first stack is a fault. */
static int
share_out(enum vault_use use, size_t threads, char *why, size_t whylen)
{
	struct secret_usage usage;
	size_t stacks;

	secret_usage(vault.region, &usage);
	vault.threads = use == VAULT_SERVE ?
	    room_for_threads(usage.size, threads) : 0;
	stacks = (vault.threads + 1) * VAULT_STACK;
	vault.stacks = secret_alloc_low(vault.region, stacks, false, NULL);
	if (vault.stacks == NULL) {
		(void)snprintf(why, whylen, "%d bytes of locked memory are "
		    "too few", VAULT_STACK);
		return ST_FULL;
	}
	mine.stack = vault.stacks;
	if (use == VAULT_SERVE) {
		vault.op_room = room_for_operations(usage.size,
		    vault.threads);
		secret_reserve(vault.region, stacks + vault.op_room);
	}
	return ST_OK;
}

/* Locks: an operation that wants to be alone must not wait for ever. */
static int
make_locks(void)
{
	pthread_rwlockattr_t attr;
	int rc;

	if (pthread_rwlockattr_init(&attr) != 0)
		return ST_NOMEM;
	(void)pthread_rwlockattr_setkind_np(&attr,
	    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	rc = pthread_rwlock_init(&vault.running, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
	if (rc != 0)
		return ST_NOMEM;
	return pthread_mutex_init(&vault.big, NULL) == 0 ? ST_OK : ST_NOMEM;
}

/* Have libcrypto make what it keeps for each thread, outside of any
 * operation: the generators' states and the queue of errors. */
static bool
warm_thread(void)
{
	unsigned char byte;

	ERR_clear_error();
	mine.warm = RAND_bytes(&byte, 1) == 1 && RAND_priv_bytes(&byte, 1) == 1;
	return mine.warm;
}

/* Of libcrypto's tables only those that are of use: nobody reads the texts of
 * its errors, and an agent that serves asks for no algorithm by an old name. */
static bool
set_up_crypto(enum vault_use use)
{
	uint64_t init = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
	    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;

	if (use == VAULT_SERVE)
		init |= OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
		    OPENSSL_INIT_NO_ADD_ALL_DIGESTS;
	vault.crypto = OPENSSL_init_crypto(init, NULL) == 1;
	return vault.crypto;
}

/* Set up what comes before the first key. */
static int
set_up(enum vault_use use, size_t threads, char *why, size_t whylen)
{
	int st;

	if ((st = make_locks()) != ST_OK ||
	    (st = share_out(use, threads, why, whylen)) != ST_OK)
		return st;
	if (CRYPTO_set_mem_functions(hook_malloc, hook_realloc,
	    hook_free) != 1) {
		(void)snprintf(why, whylen, "libcrypto was in use before the "
		    "vault: its allocations cannot be routed any more");
		return ST_CRYPTO;
	}
	if (sodium_init() < 0) {
		(void)snprintf(why, whylen, "libsodium cannot be initialised");
		return ST_CRYPTO;
	}
	if (use == VAULT_SERVE && !set_up_crypto(use)) {
		(void)snprintf(why, whylen, "libcrypto cannot be initialised");
		return ST_CRYPTO;
	}
	return ST_OK;
}

int
vault_crypto(void)
{
	assert(mine.depth == 0 && vault.region != NULL);
	return set_up_crypto(VAULT_LOAD) && warm_thread() ? ST_OK : ST_CRYPTO;
}

void
vault_touch(void)
{
	secret_touch(vault.region,
	    (vault.threads + 1) * VAULT_STACK + vault.op_room);
}

int
vault_open(const struct secret_options *opts, enum vault_use use,
    size_t threads, char *why, size_t whylen)
{
	int st;

	if (vault.region != NULL)
		return ST_INTERNAL;
	if ((st = secret_open(&vault.region, opts, why, whylen)) != ST_OK)
		return st;
	if ((st = set_up(use, threads, why, whylen)) != ST_OK)
		vault_close();
	return st;
}

void
vault_close(void)
{
	secret_close(vault.region);
	if (vault.stacks != NULL) {
		(void)pthread_rwlock_destroy(&vault.running);
		(void)pthread_mutex_destroy(&vault.big);
	}
	memset(&vault, 0, sizeof(vault));
	memset(&mine, 0, sizeof(mine));
}

size_t
vault_threads(void)
{
	return vault.threads;
}

int
vault_attach(void)
{
	size_t i = atomic_fetch_add(&vault.attached, 1);

	if (i >= vault.threads)
		return ST_FULL;
	mine.stack = vault.stacks + (i + 1) * VAULT_STACK;
	return warm_thread() ? ST_OK : ST_CRYPTO;
}

/* How deep the stack was used: it was all zeroes before. */
static void
measure_stack(void)
{
	const unsigned char *p = mine.stack;
	size_t i = 0;

	while (i < VAULT_STACK && p[i] == 0)
		i++;
	if (VAULT_STACK - i > mine.work.stack_peak)
		mine.work.stack_peak = VAULT_STACK - i;
}

/* The stack of an operation: where it ends is the same for all. */
static unsigned char *
stack_for(unsigned how, size_t *size)
{
	*size = (how & VAULT_PLAIN) != 0 ? VAULT_STACK_PLAIN : VAULT_STACK;
	return (unsigned char *)mine.stack + VAULT_STACK - *size;
}

/* Whether its last bytes were left alone: below it lies that of another thread,
 * or what is not wiped, and no page that would have told. */
static bool
stack_held_out(const unsigned char *stack)
{
	static const unsigned char zero[64];

	return memcmp(stack, zero, sizeof(zero)) == 0;
}

/* Wait for one's turn, and end it. */
static void
enter(unsigned how)
{
	if ((how & VAULT_BIG) != 0)
		(void)pthread_mutex_lock(&vault.big);
	if ((how & VAULT_ALONE) != 0)
		(void)pthread_rwlock_wrlock(&vault.running);
	else
		(void)pthread_rwlock_rdlock(&vault.running);
}

static void
leave(unsigned how)
{
	(void)pthread_rwlock_unlock(&vault.running);
	if ((how & VAULT_BIG) != 0)
		(void)pthread_mutex_unlock(&vault.big);
}

int
vault_run(vault_fn *fn, void *arg, unsigned how)
{
	unsigned char *stack;
	size_t size;
	int rc;

#ifdef VAULT_UNSCOPED
	/* For the tests alone, which must see that they can see a leak. */
	return fn(arg);
#endif
	if (mine.depth > 0)
		return fn(arg);
	assert(mine.stack != NULL);
	if (vault.crypto && !mine.warm && (how & VAULT_PLAIN) == 0 &&
	    !warm_thread())
		return ST_CRYPTO;
	enter(how);
	mine.depth++;
	mine.strict = (how & VAULT_STRICT) != 0;
	mine.was_full = false;
	mine.held = mine.top = 0;
	stack = stack_for(how, &size);
	rc = opstack_call(stack, size, fn, arg);
	mine.strict = false;
	mine.spoilt = NULL;
	mine.depth--;
	mine.work.heap_last = (size_t)mine.top;
	/* Less than before is a large number that wraps round. */
	(void)atomic_fetch_add(&vault.heap_now, (size_t)mine.held);
	mine.held = 0;
	if (mine.work.heap_last > mine.work.heap_peak)
		mine.work.heap_peak = mine.work.heap_last;
	if (vault.measure)
		measure_stack();
	/* The registers first: a signal puts them on the stack. */
	opstack_wipe_registers();
	if (opstack_switches()) {
		assert(stack_held_out(stack));
		explicit_bzero(stack, size);
	}
	leave(how);
	return rc;
}

size_t
vault_room(size_t record, size_t need)
{
	struct secret_usage use;

	secret_usage(vault.region, &use);
	return need > vault.op_room ? 0 :
	    use.room / (record + VAULT_OVERHEAD);
}

bool
vault_was_full(void)
{
	return mine.was_full;
}

void
vault_watch(atomic_bool *spoilt)
{
	mine.spoilt = spoilt;
}

void
vault_wipe_registers(void)
{
	opstack_wipe_registers();
	if (soiled && mine.depth == 0 && mine.stack == vault.stacks) {
		soiled = 0;
		explicit_bzero(mine.stack, VAULT_STACK);
	}
}

int
vault_signals(bool on)
{
	const stack_t stack = { .ss_sp = vault.stacks,
		.ss_size = VAULT_STACK, .ss_flags = on ? 0 : SS_DISABLE };

	assert(mine.depth == 0 && mine.stack == vault.stacks);
	/* During an operation the kernel finds that it is on this stack and
	 * goes on below; or the stack is unused, where they are not changed. */
	return sigaltstack(&stack, NULL) == 0 ? ST_OK : ST_SYSTEM;
}

void
vault_soiled(void)
{
	soiled = 1;
}

void
vault_work(struct vault_work *out)
{
	*out = mine.work;
	out->heap_now = atomic_load(&vault.heap_now) + (size_t)mine.held;
}

void
vault_measure(bool on)
{
	vault.measure = on;
	mine.work.stack_peak = 0;
	mine.work.heap_peak = 0;
}
