/*
 * leaky - a program that does with key bytes what the agent must not, so that
 * memscan has something to find.
 *
 * leaky hold WHERE     read stdin to WHERE, say "ready", wait to be killed:
 *     heap, stack      ordinary memory
 *     locked           mlock(2)ed memory, and nothing anywhere else
 *     secret           memfd_secret(2)
 *     part, little     heap, wiped but for 16 bytes, or 15
 *     seam             heap, across a boundary of 4 MiB
 * leaky sign PEMFILE   sign with plain libcrypto until killed
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "base/fdio.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif

/* The most that is read. */
#define ROOM		(64 * 1024)
/* memscan reads this much at a time. */
#define CHUNK		(4u << 20)

/* Where the runs that are left by a wipe begin. */
#define PART_OFF	5

/* Tell the test, then wait. */
static _Noreturn void
wait_ready(void)
{
	static const char ready[] = "ready\n";

	if (fdio_write_full(STDOUT_FILENO, ready, sizeof(ready) - 1) != 0)
		_exit(EXIT_FAILURE);
	for (;;)
		(void)pause();
}

/* Straight from the descriptor: no copy is made on the way. */
static size_t
fill(uint8_t *p)
{
	size_t n = 0;

	if (fdio_read_full(STDIN_FILENO, p, ROOM, &n) != ST_CLOSED || n == 0)
		_exit(EXIT_FAILURE);
	return n;
}

static _Noreturn void
hold_stack(void)
{
	uint8_t room[ROOM];

	(void)fill(room);
	/* The bytes must be there, whatever the compiler thinks. */
	__asm__ volatile("" : : "r"(room) : "memory");
	wait_ready();
}

static uint8_t *
map_locked(void)
{
	uint8_t *p = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || syscall(SYS_mlock, p, ROOM) != 0)
		_exit(77);
	return p;
}

static uint8_t *
map_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);
	uint8_t *p;

	if (fd < 0 || ftruncate(fd, ROOM) != 0)
		_exit(77);
	p = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		_exit(77);
	return p;
}

/* Leave ${n} bytes of what was read. */
static void
wipe_but(uint8_t *p, size_t len, size_t n)
{
	assert(len >= PART_OFF + n);
	explicit_bzero(p, PART_OFF);
	explicit_bzero(p + PART_OFF + n, len - PART_OFF - n);
}

static void
hold(const char *where)
{
	uint8_t *p;
	size_t n;

	if (strcmp(where, "stack") == 0)
		hold_stack();
	if (strcmp(where, "locked") == 0) {
		(void)fill(map_locked());
	} else if (strcmp(where, "secret") == 0) {
		(void)fill(map_secret());
	} else if (strcmp(where, "seam") == 0) {
		/* Shared, so that it is one mapping from its first byte. */
		p = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert(p != MAP_FAILED);
		(void)fill(p + CHUNK - 10);
	} else {
		p = malloc(ROOM);
		assert(p != NULL);
		n = fill(p);
		if (strcmp(where, "part") == 0)
			wipe_but(p, n, 16);
		else if (strcmp(where, "little") == 0)
			wipe_but(p, n, 15);
		else if (strcmp(where, "heap") != 0)
			_exit(2);
	}
	wait_ready();
}

/* One signature, as any program would make it. */
static void
sign_once(EVP_PKEY *key, const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char data[32], sig[2048];
	size_t len = sizeof(sig);

	assert(ctx != NULL && RAND_bytes(data, sizeof(data)) == 1);
	assert(EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1);
	assert(EVP_DigestSign(ctx, sig, &len, data, sizeof(data)) == 1);
	EVP_MD_CTX_free(ctx);
}

static _Noreturn void
sign(const char *path)
{
	static const char ready[] = "ready\n";
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;
	const EVP_MD *md;

	assert(f != NULL);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	assert(key != NULL);
	(void)fclose(f);
	md = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
	sign_once(key, md);
	if (fdio_write_full(STDOUT_FILENO, ready, sizeof(ready) - 1) != 0)
		_exit(EXIT_FAILURE);
	for (;;)
		sign_once(key, md);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		hold(argv[2]);
	if (argc == 3 && strcmp(argv[1], "sign") == 0)
		sign(argv[2]);
	(void)fputs("usage: leaky hold WHERE | sign PEMFILE\n", stderr);
	return 2;
}
