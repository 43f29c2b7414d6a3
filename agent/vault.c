#include "agent/vault.h"

#include <assert.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
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
 */
static struct {
	struct secret		*region;
	void			*stack;
	bool			 strict;
	bool			 was_full;
	bool			 measure;
	size_t			 op_room;	/* for operations, stack aside */
	size_t			 top;	/* most of heap_now in an operation */
	struct vault_work	 work;
} vault;

static _Thread_local unsigned depth;

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

/* A piece for libcrypto. */
static void *
take(size_t n)
{
	void *p = secret_alloc_low(vault.region, n, vault.strict);

	if (p == NULL) {
		vault.was_full = true;
		return NULL;
	}
	vault.work.heap_now += secret_size(vault.region, p) + VAULT_OVERHEAD;
	if (vault.work.heap_now > vault.top)
		vault.top = vault.work.heap_now;
	return p;
}

/* libcrypto's malloc. */
static void *
hook_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0)
		return NULL;
	return depth > 0 ? take(n) : malloc(n);
}

/* libcrypto's free. */
static void
hook_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p == NULL)
		return;
	if (is_ours(p)) {
		vault.work.heap_now -= secret_size(vault.region, p) +
		    VAULT_OVERHEAD;
		secret_free(vault.region, p);
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
	inside = depth > 0 || is_ours(p);
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

/* How much of a region is kept for operations. */
static size_t
room_for_operations(size_t size)
{
	if (size >= VAULT_LARGE)
		return VAULT_STACK + VAULT_LARGE_ROOM;
	return VAULT_STACK + (size - VAULT_STACK) / 10 * 7;
}

/* Set up the stack and what comes before the first key. */
static int
set_up(enum vault_use use, char *why, size_t whylen)
{
	struct secret_usage usage;
	unsigned char byte;

	/* The lowest piece: running off its end is a fault. */
	vault.stack = secret_alloc_low(vault.region, VAULT_STACK, false);
	if (vault.stack == NULL) {
		(void)snprintf(why, whylen, "%d bytes of locked memory are "
		    "too few", VAULT_STACK);
		return ST_FULL;
	}
	if (use == VAULT_SERVE) {
		secret_usage(vault.region, &usage);
		vault.op_room = room_for_operations(usage.size) - VAULT_STACK;
		secret_reserve(vault.region, VAULT_STACK + vault.op_room);
	}
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
	/* The generator's state is made now, outside of any operation. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_ATEXIT, NULL) != 1 ||
	    RAND_bytes(&byte, 1) != 1) {
		(void)snprintf(why, whylen, "libcrypto cannot be initialised");
		return ST_CRYPTO;
	}
	return ST_OK;
}

int
vault_open(const struct secret_options *opts, enum vault_use use, char *why,
    size_t whylen)
{
	int st;

	if (vault.region != NULL)
		return ST_INTERNAL;
	if ((st = secret_open(&vault.region, opts, why, whylen)) != ST_OK)
		return st;
	if ((st = set_up(use, why, whylen)) != ST_OK)
		vault_close();
	return st;
}

void
vault_close(void)
{
	secret_close(vault.region);
	memset(&vault, 0, sizeof(vault));
}

/* How deep the stack was used: it was all zeroes before. */
static void
measure_stack(void)
{
	const unsigned char *p = vault.stack;
	size_t i = 0;

	while (i < VAULT_STACK && p[i] == 0)
		i++;
	if (VAULT_STACK - i > vault.work.stack_peak)
		vault.work.stack_peak = VAULT_STACK - i;
}

int
vault_run(vault_fn *fn, void *arg, bool strict)
{
	size_t before = vault.work.heap_now;
	int rc;

#ifdef VAULT_UNSCOPED
	/* For the tests alone, which must see that they can see a leak. */
	return fn(arg);
#endif
	if (depth > 0)
		return fn(arg);
	assert(vault.stack != NULL);
	depth++;
	vault.strict = strict;
	vault.was_full = false;
	vault.top = before;
	rc = opstack_call(vault.stack, VAULT_STACK, fn, arg);
	vault.strict = false;
	depth--;
	vault.work.heap_last = vault.top - before;
	if (vault.work.heap_last > vault.work.heap_peak)
		vault.work.heap_peak = vault.work.heap_last;
	if (vault.measure)
		measure_stack();
	if (opstack_switches())
		explicit_bzero(vault.stack, VAULT_STACK);
	opstack_wipe_registers();
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
	return vault.was_full;
}

void
vault_wipe_registers(void)
{
	opstack_wipe_registers();
}

void
vault_work(struct vault_work *out)
{
	*out = vault.work;
}

void
vault_measure(bool on)
{
	vault.measure = on;
	vault.work.stack_peak = 0;
	vault.work.heap_peak = 0;
}
