/*
 * Reaches: keyfile.c but for what it asks ssh-add, with hostkey.c, keytext.c,
 *          certtext.c and certificate.c: a private key in every form that there
 *          is, its public half, and certificates, out of their files.
 * Claims:  no status is negative; a file that is refused is told of in one line
 *          that is safe to print, and nothing is left in the plan; of one that
 *          was taken comment, fingerprint and public half are there, the latter
 *          being that of the private fields, and each certificate is for that
 *          key; notes are whole lines; nothing is left in the region.
 * Input:   flags, the length of PATH.pub and of PATH-cert.pub, then these two
 *          and the key file.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "keys/fingerprint.h"
#include "proto/certificate.h"
#include "provision/hostkey.h"
#include "provision/keyfile.h"

/* Of the first byte. */
#define FLAG_PUB	0x01	/* there is a PATH.pub */
#define FLAG_CERT	0x02	/* there is a PATH-cert.pub */
#define FLAG_NAMED	0x04	/* it is named, and not just found */
#define FLAG_PROMPT	0x08	/* somebody may be asked; there is no ssh-add */
#define FLAG_OPEN	0x10	/* others may read the key */

static char dir[] = "/tmp/fuzz-keyfile.XXXXXX";
static const char *const names[] = { "k", "k.pub", "k-cert.pub" };
static struct secret *region;
static size_t baseline;
static int dir_fd = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv);

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(region, &use);
	return use.used;
}

static void
tidy(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(dir_fd, names[i], 0);
	(void)rmdir(dir);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct secret_options opts = { .size = 512 * 1024,
		.want = SECRET_MLOCK, .allow_unlocked = true };
	char why[256];

	(void)argc;
	(void)argv;
	if (secret_open(&region, &opts, why, sizeof(why)) != ST_OK) {
		(void)fprintf(stderr, "%s\n", why);
		exit(1);
	}
	if (mkdtemp(dir) == NULL ||
	    (dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(dir);
		exit(1);
	}
	(void)atexit(tidy);
	baseline = used();
	return 0;
}

/* Make a file of these bytes, or see that there is none. */
static void
put_file(const char *name, bool there, struct slice bytes, mode_t mode)
{
	int fd;

	if (!there) {
		if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
			abort();
		return;
	}
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    mode);
	if (fd < 0 || fchmod(fd, mode) != 0 || (bytes.len > 0 &&
	    write(fd, bytes.p, bytes.len) != (ssize_t)bytes.len))
		abort();
	(void)close(fd);
}

/* The public half that is told is that of the private fields. */
static void
check_key(const struct plan_key *key, const struct keyfile *k)
{
	char fingerprint[FINGERPRINT_MAX];
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice blob;
	struct hostkey pub;
	const char *why;
	struct certificate cert;
	int st;

	keyprivate_put_public(&w, &k->fields);
	blob = fuzz_written(&w);
	fingerprint_sha256(blob, fingerprint);
	assert(strcmp(key->fingerprint, fingerprint) == 0);
	st = hostkey_parse(key->pub, strlen(key->pub), &pub, &why);
	assert(st == ST_OK);
	assert(slice_eq((struct slice){ pub.blob, pub.len }, blob));
	assert(key->comment != NULL && k->comment.len == strlen(key->comment));
	assert(key->certs.n == k->n_certs);
	for (size_t i = 0; i < k->n_certs; i++) {
		st = certificate_decode(k->certs[i], &cert);
		assert(st == ST_OK);
		assert(slice_eq(k->kept.at[i].key, blob));
		assert(key->certs.word[i] != NULL);
	}
	(void)st;
}

/* Lines, each whole and safe; what does not fit is left out. */
static void
check_note(const char *note)
{
	char line[KEYFILE_NOTE_MAX];
	const char *nl;

	assert(strlen(note) < KEYFILE_NOTE_MAX);
	for (; *note != '\0'; note = nl + 1) {
		if ((nl = strchr(note, '\n')) == NULL)
			break;
		memcpy(line, note, (size_t)(nl - note));
		line[nl - note] = '\0';
		fuzz_printable(line, sizeof(line));
	}
}

static void
forget(struct plan_key *key)
{
	free(key->comment);
	free(key->fingerprint);
	free(key->pub);
	for (size_t i = 0; i < key->certs.n; i++)
		free(key->certs.word[i]);
	free(key->certs.word);
}

static void
run(uint8_t flags)
{
	const struct keyfile_how how = { .region = region,
		.prompt = (flags & FLAG_PROMPT) != 0 };
	char path[64], cert[64], why[8192] = "";
	struct plan_key key = { .path = path };
	struct keyfile k;
	int st;

	(void)snprintf(path, sizeof(path), "%s/k", dir);
	(void)snprintf(cert, sizeof(cert), "%s/k-cert.pub", dir);
	if ((flags & FLAG_NAMED) != 0)
		key.certificate = cert;
	st = keyfile_read(&how, &key, &k, why, sizeof(why));
	assert(st >= 0);
	if (st == ST_OK) {
		assert((flags & FLAG_OPEN) == 0);
		check_key(&key, &k);
	} else {
		assert(why[0] != '\0');
		fuzz_printable(why, sizeof(why));
		assert(key.comment == NULL && key.fingerprint == NULL &&
		    key.pub == NULL && key.certs.n == 0);
		assert(used() == baseline);
	}
	check_note(k.note);
	keyfile_fini(&how, &k);
	keyfile_fini(&how, &k);
	assert(used() == baseline);
	forget(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	struct slice pub, cert, key;
	uint8_t flags, high, low;
	size_t n[2];

	if (wire_get_u8(&r, &flags) != ST_OK)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		if (wire_get_u8(&r, &high) != ST_OK ||
		    wire_get_u8(&r, &low) != ST_OK)
			return 0;
		n[i] = (size_t)high << 8 | low;
	}
	if (wire_get_bytes(&r, n[0], &pub) != ST_OK ||
	    wire_get_bytes(&r, n[1], &cert) != ST_OK)
		return 0;
	key = (struct slice){ data + 5 + n[0] + n[1], size - 5 - n[0] - n[1] };
	put_file(names[0], true, key, (flags & FLAG_OPEN) != 0 ? 0644 : 0600);
	put_file(names[1], (flags & FLAG_PUB) != 0, pub, 0644);
	put_file(names[2], (flags & FLAG_CERT) != 0, cert, 0644);
	run(flags);
	return 0;
}
