#include "agent/vault.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sodium.h>

/*
 * libcrypto copies a private key into several allocations of its own, and its
 * secure heap covers only some of them (RSA ignores it altogether).  So the
 * allocator itself is taken over: inside a scope every allocation is a piece
 * of the locked region.  Only inside: libcrypto's long-lived tables would
 * otherwise fill the region with what is no secret.
 *
 * A block is released where it came from, told by its address, and wiped
 * either way: what was allocated before a scope may have been filled in it.
 */

static struct secret *region;
static _Thread_local unsigned depth;
static _Thread_local bool ran_out;

struct secret *
vault_region(void)
{
	return region;
}

void
vault_enter(void)
{
	if (depth++ == 0)
		ran_out = false;
}

void
vault_leave(void)
{
	if (depth > 0)
		depth--;
}

bool
vault_ran_out(void)
{
	return ran_out;
}

/* A piece of the vault for libcrypto. */
static void *
piece(size_t n)
{
	void *p = secret_alloc(region, n);

	if (p == NULL)
		ran_out = true;
	return p;
}

/* Whether a block came from the vault. */
static bool
is_ours(const void *p)
{
	return region != NULL && secret_owns(region, p);
}

/* Bytes that can be used at p, wherever it came from. */
static size_t
block_size(void *p)
{
	if (is_ours(p))
		return secret_size(region, p);
	return malloc_usable_size(p);
}

/* libcrypto's malloc. */
static void *
hook_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0)
		return NULL;
	return depth > 0 ? piece(n) : malloc(n);
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
		secret_free(region, p);
		return;
	}
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* libcrypto's realloc: always a move, so that no old copy is left unwiped. */
static void *
hook_realloc(void *p, size_t n, const char *file, int line)
{
	void *fresh;
	size_t have;

	if (p == NULL)
		return hook_malloc(n, file, line);
	if (n == 0) {
		hook_free(p, file, line);
		return NULL;
	}
	have = block_size(p);
	if (n <= have && (depth > 0) == is_ours(p))
		return p;
	/* A block in the vault stays there: it may hold a secret. */
	fresh = depth > 0 || is_ours(p) ? piece(n) : malloc(n);
	if (fresh == NULL)
		return NULL;
	memcpy(fresh, p, n < have ? n : have);
	hook_free(p, file, line);
	return fresh;
}

int
vault_open(const struct secret_options *opts, char *why, size_t whylen)
{
	unsigned char byte;
	int st;

	if (region != NULL)
		return ST_INTERNAL;
	if ((st = secret_open(&region, opts, why, whylen)) != ST_OK)
		return st;
	st = ST_CRYPTO;
	if (CRYPTO_set_mem_functions(hook_malloc, hook_realloc,
	    hook_free) != 1) {
		(void)snprintf(why, whylen, "libcrypto was in use before the "
		    "vault: its allocations cannot be routed any more");
		goto out;
	}
	if (sodium_init() < 0) {
		(void)snprintf(why, whylen, "libsodium cannot be initialised");
		goto out;
	}
	/* The generator's state is made now, outside of any scope. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_ATEXIT, NULL) != 1 ||
	    RAND_bytes(&byte, 1) != 1) {
		(void)snprintf(why, whylen, "libcrypto cannot be initialised");
		goto out;
	}
	st = ST_OK;
out:
	if (st != ST_OK)
		vault_close();
	return st;
}

void
vault_close(void)
{
	secret_close(region);
	region = NULL;
}
