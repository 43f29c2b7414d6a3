/*
 * Key files of every kind as ssh-keygen makes them, and what is wrong with
 * them.
 */

#include "provision/keyfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "provision/child.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static char dir[64], run_dir[80];
static char path[256], other[300], ca[128];
static char keygen[PATH_MAX], ssh_add[PATH_MAX], openssl[PATH_MAX];
static char why[PLAN_WHY_MAX];
static struct child c = { .in = -1, .out = -1, .err = -1 };
static struct secret *region;
static struct keyfile_how how;
static struct plan_key key, key2;
static struct keyfile got, got2;
static size_t used_before, fds_before;

/* --- tools --------------------------------------------------------------- */

/* How many descriptors there are. */
static size_t
open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Run a program with the arguments up to NULL; its stdout is in c. */
static void
run(const char *program, ...)
{
	char *argv[24];
	size_t n = 0;
	va_list ap;

	argv[n++] = strdup(program);
	va_start(ap, program);
	for (const char *arg; (arg = va_arg(ap, const char *)) != NULL;)
		argv[n++] = strdup(arg);
	va_end(ap);
	argv[n] = NULL;
	child_fini(&c);
	if (child_run(&c, &(struct child_spec){
		.program = program, .argv = argv,
		.out = CHILD_KEEP, .err = CHILD_KEEP,
		.out_max = 100000, .err_max = 1000, .time_ms = 60000 }, why,
	    sizeof(why)) != ST_OK)
		fail_msg("%s", why);
	if (c.status != 0)
		fail_msg("%s: %s", program, c.err_text.len > 0 ?
		    c.err_text.p : "failed");
	while (n > 0)
		free(argv[--n]);
}

static void
make_file(const char *at, const char *text, mode_t mode)
{
	int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(chmod(at, mode), 0);
}

/* The text of a file; the caller frees it. */
static char *
text_of(const char *at)
{
	char *text = calloc(1, KEYFILE_MAX + 1);
	int fd = open(at, O_RDONLY | O_CLOEXEC);

	assert_non_null(text);
	assert_true(fd >= 0);
	assert_true(read(fd, text, KEYFILE_MAX) >= 0);
	assert_int_equal(close(fd), 0);
	return text;
}

static bool
is_there(const char *at)
{
	return access(at, F_OK) == 0;
}

/* A path beside the present one. */
static const char *
beside(const char *suffix)
{
	(void)snprintf(other, sizeof(other), "%s%s", path, suffix);
	return other;
}

/* Make a key at ${path}, of a type, in a format or NULL. */
static void
make_key(const char *type, const char *bits, const char *format,
    const char *passphrase)
{
	(void)unlink(path);
	(void)unlink(beside(".pub"));
	(void)unlink(beside("-cert.pub"));
	if (format != NULL)
		run(keygen, "-q", "-t", type, "-b", bits, "-m", format, "-a",
		    "1", "-N", passphrase, "-C", "a comment", "-f", path, NULL);
	else
		run(keygen, "-q", "-t", type, "-b", bits, "-a", "1", "-N",
		    passphrase, "-C", "a comment", "-f", path, NULL);
}

static int
read_key(void)
{
	keyfile_fini(&how, &got);
	key.path = path;
	why[0] = '\0';
	return keyfile_read(&how, &key, &got, why, sizeof(why));
}

static void
expect_ok(void)
{
	if (read_key() != ST_OK)
		fail_msg("%s: %s", path, why);
}

/* It is refused, in one line that names the file and says so. */
static void
expect(int st, const char *said)
{
	int is = read_key();

	if (is != st || strstr(why, said) == NULL)
		fail_msg("%s: %s", status_name(is), why);
	assert_null(strchr(why, '\n'));
	assert_null(key.comment);
	assert_null(key.fingerprint);
	assert_null(key.pub);
	assert_int_equal(key.certs.n, 0);
	assert_null(got.mem);
	assert_int_equal(got.n_certs, 0);
}

/* How the public half is the one of a file that ssh-keygen wrote. */
static void
public_is_that_of(const char *pub)
{
	char *text = text_of(pub), *end = strchr(strchr(text, ' ') + 1, ' ');

	if (end == NULL)
		end = strchr(text, '\n');
	*end = '\0';
	assert_string_equal(key.pub, text);
	free(text);
	run(keygen, "-lf", pub, NULL);
	assert_non_null(strstr(c.out_text.p, key.fingerprint));
	assert_int_equal(strncmp(key.fingerprint, "SHA256:", 7), 0);
	assert_int_equal(strlen(key.fingerprint), 7 + 43);
	child_fini(&c);
}

static void
private_is_same(const struct private_fields *a, const struct private_fields *b)
{
	assert_int_equal(a->type, b->type);
	switch (a->type) {
	case KEY_ED25519:
		assert_true(slice_eq(a->ed25519.sk, b->ed25519.sk));
		assert_true(slice_eq(a->ed25519.pk, b->ed25519.pk));
		return;
	case KEY_RSA:
		assert_true(a->rsa.d.len > 100);
		assert_true(slice_eq(a->rsa.n, b->rsa.n));
		assert_true(slice_eq(a->rsa.e, b->rsa.e));
		assert_true(slice_eq(a->rsa.d, b->rsa.d));
		assert_true(slice_eq(a->rsa.iqmp, b->rsa.iqmp));
		assert_true(slice_eq(a->rsa.p, b->rsa.p));
		assert_true(slice_eq(a->rsa.q, b->rsa.q));
		return;
	default:
		assert_true(a->ecdsa.d.len > 0);
		assert_true(slice_eq(a->ecdsa.d, b->ecdsa.d));
		assert_true(slice_eq(a->ecdsa.q, b->ecdsa.q));
	}
}

static void
fini_key(struct plan_key *k)
{
	free(k->comment);
	free(k->fingerprint);
	free(k->pub);
	for (size_t i = 0; i < k->certs.n; i++)
		free(k->certs.word[i]);
	free(k->certs.word);
	memset(k, 0, sizeof(*k));
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(region, &use);
	return use.used;
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/keyfile.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
	assert_int_equal(mkdir(run_dir, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/id", dir);
	(void)snprintf(ca, sizeof(ca), "%s/ca", dir);
	how = (struct keyfile_how){ .region = region, .prompt = true,
		.ssh_add = ssh_add, .run_dir = run_dir };
	used_before = used();
	fds_before = open_fds();
	return 0;
}

static int
teardown(void **state)
{
	char line[128];

	(void)state;
	child_fini(&c);
	keyfile_fini(&how, &got);
	keyfile_fini(&how, &got2);
	fini_key(&key);
	fini_key(&key2);
	/* Nothing is left of anything. */
	assert_int_equal(used(), used_before);
	assert_int_equal(open_fds(), fds_before);
	assert_int_equal(rmdir(run_dir), 0);
	(void)unsetenv("SSH_ASKPASS");
	(void)unsetenv("SSH_ASKPASS_REQUIRE");
	(void)snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

/* --- what is taken ------------------------------------------------------- */

static const struct {
	const char	*type, *bits;
} types[] = {
	{ "ed25519", "256" },
	{ "ecdsa", "256" },
	{ "ecdsa", "384" },
	{ "ecdsa", "521" },
	{ "rsa", "2048" },
};
static const char *const formats[] = { NULL, "PEM", "PKCS8" };

static void
every_type_is_read_in_every_format(void **state)
{
	(void)state;
	for (size_t t = 0; t < LENGTH(types); t++) {
		make_key(types[t].type, types[t].bits, NULL, "");
		expect_ok();
		public_is_that_of(beside(".pub"));
		assert_string_equal(key.comment, "a comment");
		assert_true(slice_eq_str(got.comment, "a comment"));
		assert_string_equal(got.note, "");
		/* The same key, written anew. */
		for (size_t f = 1; f < LENGTH(formats); f++) {
			run(keygen, "-q", "-p", "-P", "", "-N", "", "-m",
			    formats[f], "-f", path, NULL);
			key2.path = path;
			assert_int_equal(keyfile_read(&how, &key2, &got2, why,
			    sizeof(why)), ST_OK);
			private_is_same(&got.fields, &got2.fields);
			assert_string_equal(key2.pub, key.pub);
			/* Of itself, or of the .pub. */
			assert_string_equal(key2.comment, "a comment");
			assert_string_equal(got2.note, "");
			keyfile_fini(&how, &got2);
		}
	}
}

static void
openssls_ed25519_is_read(void **state)
{
	(void)state;
	if (openssl[0] == '\0') {
		print_message("no openssl\n");
		skip();
	}
	run(openssl, "genpkey", "-algorithm", "ed25519", "-out", path, NULL);
	assert_int_equal(chmod(path, 0600), 0);
	expect_ok();
	assert_int_equal(got.fields.type, KEY_ED25519);
	/* There is no comment, and no .pub. */
	assert_string_equal(key.comment, "id");
	assert_true(slice_eq_str(got.comment, "id"));
}

/* Some programs leave the public half of an EC key out; it takes libcrypto to
 * find it again. */
static void
without_its_public_half_the_way_out_is_told(void **state)
{
	(void)state;
	if (openssl[0] == '\0') {
		print_message("no openssl\n");
		skip();
	}
	make_key("ecdsa", "256", "PEM", "");
	run(openssl, "ec", "-in", path, "-no_public", "-out", path, NULL);
	expect(ST_UNSUPPORTED, "`ssh-keygen -p -f FILE` writes it anew");
	run(keygen, "-q", "-p", "-P", "", "-N", "", "-f", path, NULL);
	expect_ok();
	public_is_that_of(beside(".pub"));
}

static void
line_ends_do_not_count(void **state)
{
	char *text, *crlf;
	size_t n = 0;

	(void)state;
	for (size_t f = 0; f < LENGTH(formats); f++) {
		make_key("ecdsa", "256", formats[f], "");
		text = text_of(path);
		crlf = calloc(2, strlen(text));
		assert_non_null(crlf);
		n = 0;
		for (const char *p = text; *p != '\0'; p++) {
			if (*p == '\n')
				crlf[n++] = '\r';
			crlf[n++] = *p;
		}
		make_file(path, crlf, 0600);
		expect_ok();
		text[strlen(text) - 1] = '\0';
		make_file(path, text, 0600);
		expect_ok();
		public_is_that_of(beside(".pub"));
		free(text);
		free(crlf);
	}
}

static void
comments_come_from_key_pub_or_path(void **state)
{
	char *text, *longer;

	(void)state;
	make_key("ecdsa", "256", "PEM", "");
	text = text_of(beside(".pub"));
	text[strlen(text) - 1] = '\0';
	longer = calloc(1, strlen(text) + 64);
	assert_non_null(longer);
	/* Lines that are no key, a blank comment, no end of the line. */
	(void)sprintf(longer, "# not this\n\n%s \t and more", text);
	make_file(beside(".pub"), longer, 0644);
	expect_ok();
	assert_string_equal(key.comment, "a comment \t and more");
	*strstr(text, " a comment") = '\0';
	make_file(beside(".pub"), text, 0644);
	expect_ok();
	assert_string_equal(key.comment, "id");
	make_file(beside(".pub"), "nonsense", 0644);
	expect_ok();
	assert_string_equal(key.comment, "id");
	assert_string_equal(got.note, "");
	free(text);
	free(longer);
}

static void
a_pub_of_another_key_is_told_and_not_used(void **state)
{
	char *text;

	(void)state;
	make_key("ed25519", "256", NULL, "");
	text = text_of(beside(".pub"));
	make_key("ecdsa", "256", "PEM", "");
	make_file(beside(".pub"), text, 0644);
	expect_ok();
	assert_string_equal(key.comment, "id");
	assert_non_null(strstr(got.note, "/id.pub: this is the public half of "
	    "another key"));
	assert_int_equal(got.fields.type, KEY_ECDSA_P256);
	free(text);
}

static void
of_two_keys_the_first_is_taken(void **state)
{
	char *first, *second, *both;

	(void)state;
	make_key("ecdsa", "256", NULL, "");
	first = text_of(path);
	make_key("ed25519", "256", NULL, "");
	second = text_of(path);
	both = calloc(1, strlen(first) + strlen(second) + 1);
	assert_non_null(both);
	(void)sprintf(both, "%s%s", first, second);
	(void)unlink(beside(".pub"));
	make_file(path, both, 0600);
	expect_ok();
	assert_int_equal(got.fields.type, KEY_ECDSA_P256);
	assert_non_null(strstr(got.note, "only the first is taken"));
	free(first);
	free(second);
	free(both);
}

static void
paths_are_taken_as_they_are(void **state)
{
	static const char *const names[] = { "a b", "$(touch pwned)", "`x`",
		"it's", "!!", "-N", "\\", "ä", "tab\tand\nline", "%s%n" };
	char *begin, *end, shown[PLAN_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		make_key("ed25519", "256", NULL, "");
		expect_ok();
		assert_string_equal(key.comment, "a comment");
		/* What a message says to run does what it is to do. */
		assert_int_equal(chmod(path, 0640), 0);
		expect(ST_UNTRUSTED, "mode 0640");
		if (strpbrk(names[i], "`\t") != NULL ||
		    strcmp(names[i], "ä") == 0)
			continue;
		strcpy(shown, why);
		end = strrchr(shown, '`');
		assert_non_null(end);
		*end = '\0';
		begin = strrchr(shown, '`');
		assert_non_null(begin);
		assert_int_equal(system(begin + 1), 0);
		expect_ok();
	}
	assert_false(is_there("pwned"));
}

static void
a_link_is_followed(void **state)
{
	char target[300];

	(void)state;
	make_key("ed25519", "256", NULL, "");
	(void)snprintf(target, sizeof(target), "%s", path);
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink(target, path), 0);
	expect_ok();
	assert_int_equal(chmod(target, 0604), 0);
	expect(ST_UNTRUSTED, "0604");
}

/* --- what is not --------------------------------------------------------- */

static void
what_others_may_read_is_refused(void **state)
{
	static const mode_t bad[] = { 0644, 0640, 0604, 0620, 0602, 0610, 0601,
		0666 };
	static const mode_t good[] = { 0600, 0400, 0700 };

	(void)state;
	make_key("ed25519", "256", NULL, "");
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(chmod(path, bad[i]), 0);
		expect(ST_UNTRUSTED, "`chmod 600 /tmp/");
	}
	for (size_t i = 0; i < LENGTH(good); i++) {
		assert_int_equal(chmod(path, good[i]), 0);
		expect_ok();
	}
	if (geteuid() != 0)
		return;
	/* As in ssh, nobody else's file is judged. */
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(path, 12345, 12345), 0);
	expect_ok();
}

static void
what_we_may_not_read_is_told(void **state)
{
	struct secret_options small = { .size = SECRET_SIZE_MIN,
		.allow_unlocked = true };
	int status;
	pid_t pid;

	(void)state;
	make_key("ed25519", "256", NULL, "");
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(path, geteuid() == 0 ? 0600 : 0000), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(12345) != 0)
			_exit(1);
		if (secret_open(&how.region, &small, why, sizeof(why)) != ST_OK)
			_exit(2);
		got = (struct keyfile){ .mem = NULL };
		_exit(read_key() == ST_DENIED &&
		    strstr(why, "Permission denied") != NULL ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
what_is_no_file_is_told_apart(void **state)
{
	(void)state;
	expect(ST_NOT_FOUND, "/id: there is no such file");
	make_file(path, "", 0600);
	expect(ST_MALFORMED, "empty");
	(void)snprintf(path, sizeof(path), "%s/id/x", dir);
	expect(ST_NOT_FOUND, "no such file");
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect(ST_UNSUPPORTED, "no regular file");
	(void)snprintf(path, sizeof(path), "%s", dir);
	expect(ST_UNSUPPORTED, "directory");
	(void)snprintf(path, sizeof(path), "/dev/null");
	expect(ST_UNSUPPORTED, "no regular file");
}

static void
what_is_no_private_key_is_told_apart(void **state)
{
	static const struct {
		const char	*text;
		int		 st;
		const char	*said;
	} table[] = {
		{ "hello\n", ST_UNSUPPORTED, "there is no private key in it" },
		{ "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
		    "\n", ST_UNSUPPORTED, "this is a public key" },
		{ "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n",
		    ST_UNSUPPORTED, "this is a public key" },
		{ "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"
		    "Comment: x\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\n"
		    "AAAA\nPrivate-MAC: 00\n", ST_UNSUPPORTED, "puttygen" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
		    ST_MALFORMED, "END line is missing" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"
		    "-----END OPENSSH PRIVATE KEY-----\n", ST_MALFORMED,
		    "does not parse" },
		{ "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n"
		    "-----END DSA PRIVATE KEY-----\n", ST_UNSUPPORTED,
		    "DSA is not safe" },
	};
	char *text;

	(void)state;
	for (size_t i = 0; i < LENGTH(table); i++) {
		make_file(path, table[i].text, 0600);
		expect(table[i].st, table[i].said);
	}
	make_key("ed25519", "256", NULL, "");
	text = text_of(beside(".pub"));
	make_file(path, text, 0600);
	expect(ST_UNSUPPORTED, "this is a public key: name the file with its "
	    "private half");
	free(text);
}

/* An sk key cannot be made without the device; this is one that is worth
 * nothing, whose file has the form of one that ssh-keygen wrote. */
static void
an_sk_key_is_told_apart(void **state)
{
	(void)state;
	make_file(path,
	    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
	    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAASgAA\n"
	    "ABpzay1zc2gtZWQyNTUxOUBvcGVuc3NoLmNvbQAAACAAAAAAAAAAAAAAAAAA\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAARzc2g6AAAAaAAAAAEAAAABAAAAGnNr\n"
	    "LXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAABHNzaDoBAAAABmhhbmRsZQAAAAAAAAABYwEC\n"
	    "-----END OPENSSH PRIVATE KEY-----\n", 0600);
	expect(ST_UNSUPPORTED, "handle of a security key");
	/* The same, encrypted: nobody is asked for its passphrase. */
	make_file(path,
	    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
	    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAA\n"
	    "ABAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAEAAABKAAAAGnNrLXNzaC1lZDI1\n"
	    "NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "AAAAAAAAAAAABHNzaDoAAABgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "-----END OPENSSH PRIVATE KEY-----\n", 0600);
	expect(ST_UNSUPPORTED, "handle of a security key");
}

static void
the_length_is_limited(void **state)
{
	char *text, *longer;
	size_t n;

	(void)state;
	make_key("ed25519", "256", NULL, "");
	text = text_of(path);
	n = strlen(text);
	longer = calloc(1, KEYFILE_MAX + 2);
	assert_non_null(longer);
	memset(longer, '\n', KEYFILE_MAX);
	memcpy(longer, text, n);
	make_file(path, longer, 0600);
	expect_ok();
	longer[KEYFILE_MAX] = '\n';
	make_file(path, longer, 0600);
	expect(ST_TOO_LARGE, "65537 bytes");
	free(text);
	free(longer);
}

static void
a_full_region_is_told(void **state)
{
	struct secret_usage use;
	void *all;

	(void)state;
	make_key("ed25519", "256", NULL, "");
	secret_usage(region, &use);
	all = secret_alloc(region, use.largest);
	assert_non_null(all);
	expect(ST_FULL, "ulimit -l");
	secret_free(region, all);
	expect_ok();
}

/* --- passphrases --------------------------------------------------------- */

/* An askpass that notes that it was called, and does that. */
static void
make_askpass(const char *does)
{
	char at[128], text[512];

	if (ssh_add[0] == '\0') {
		print_message("no ssh-add\n");
		skip();
	}
	(void)snprintf(at, sizeof(at), "%s/askpass", dir);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\necho x >>%s/asked\n"
	    "n=$(wc -l <%s/asked)\n%s\n", dir, dir, does);
	make_file(at, text, 0700);
	(void)setenv("SSH_ASKPASS", at, 1);
	(void)setenv("SSH_ASKPASS_REQUIRE", "force", 1);
}

/* How often it was called. */
static size_t
times_asked(void)
{
	char at[128], *text;
	size_t n;

	(void)snprintf(at, sizeof(at), "%s/asked", dir);
	if (!is_there(at))
		return 0;
	text = text_of(at);
	n = strlen(text) / 2;
	free(text);
	(void)unlink(at);
	return n;
}

/* Without ssh-add's own words between those of the tests. */
static int
read_quietly(void)
{
	int err = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC), st;

	assert_true(err >= 0 && null >= 0);
	assert_int_equal(dup2(null, 2), 2);
	st = read_key();
	assert_int_equal(dup2(err, 2), 2);
	(void)close(err);
	(void)close(null);
	return st;
}

static void
every_encrypted_key_is_taken_from_ssh_add(void **state)
{
	(void)state;
	make_askpass("echo 'a secret'");
	for (size_t t = 0; t < LENGTH(types); t++) {
		for (size_t f = 0; f < LENGTH(formats); f++) {
			make_key(types[t].type, types[t].bits, formats[f],
			    "a secret");
			expect_ok();
			assert_int_equal(times_asked(), 1);
			public_is_that_of(beside(".pub"));
			assert_string_equal(key.comment, "a comment");
			assert_true(slice_eq_str(got.comment, "a comment"));
			/* It is the same as the one that is written without
			 * the passphrase. */
			run(keygen, "-q", "-p", "-P", "a secret", "-N", "",
			    "-f", path, NULL);
			key2.path = path;
			assert_int_equal(keyfile_read(&how, &key2, &got2, why,
			    sizeof(why)), ST_OK);
			private_is_same(&got.fields, &got2.fields);
			keyfile_fini(&how, &got2);
		}
	}
}

static void
without_a_pub_the_comment_is_that_of_key_or_path(void **state)
{
	(void)state;
	make_askpass("echo secret");
	make_key("ecdsa", "256", NULL, "secret");
	(void)unlink(beside(".pub"));
	expect_ok();
	assert_string_equal(key.comment, "a comment");
	make_key("ecdsa", "256", "PEM", "secret");
	(void)unlink(beside(".pub"));
	expect_ok();
	assert_string_equal(key.comment, "id");
}

static void
a_wrong_passphrase_can_be_followed_by_a_right_one(void **state)
{
	(void)state;
	make_askpass("[ $n = 3 ] && echo secret || echo wrong");
	make_key("ed25519", "256", NULL, "secret");
	assert_int_equal(read_quietly(), ST_OK);
	assert_int_equal(times_asked(), 3);
}

static void
no_passphrase_is_told(void **state)
{
	(void)state;
	make_key("ed25519", "256", NULL, "secret");
	/* A wrong one, and then nothing. */
	make_askpass("[ $n = 1 ] && echo wrong || echo");
	assert_int_equal(read_quietly(), ST_LOCKED);
	assert_non_null(strstr(why, "/id: it stays locked: no passphrase"));
	assert_int_equal(times_asked(), 2);
	/* The button "Cancel". */
	make_askpass("exit 1");
	assert_int_equal(read_quietly(), ST_LOCKED);
	assert_non_null(strstr(why, "it stays locked"));
	assert_int_equal(times_asked(), 1);
}

static void
nobody_is_waited_for_without_end(void **state)
{
	(void)state;
	make_key("ed25519", "256", NULL, "secret");
	/* A loop of wrong ones. */
	make_askpass("echo wrong");
	how.ask_ms = 1500;
	assert_int_equal(read_quietly(), ST_LOCKED);
	assert_non_null(strstr(why, "in time"));
}

static void
where_nobody_may_be_asked_nobody_is(void **state)
{
	(void)state;
	make_askpass("echo secret");
	for (size_t f = 0; f < LENGTH(formats); f++) {
		make_key("ecdsa", "256", formats[f], "secret");
		how.prompt = false;
		expect(ST_LOCKED, "nobody may be asked");
		how.prompt = true;
		how.ssh_add = NULL;
		expect(ST_LOCKED, "ssh-add, which asks for it, was not found");
		how.ssh_add = "/no/such/ssh-add";
		expect(ST_LOCKED, "cannot run /no/such/ssh-add");
		how.ssh_add = ssh_add;
		assert_int_equal(times_asked(), 0);
	}
}

static void
an_encrypted_key_must_be_that_of_its_pub(void **state)
{
	char *text;

	(void)state;
	make_askpass("echo secret");
	make_key("ecdsa", "256", NULL, "secret");
	text = text_of(beside(".pub"));
	/* Its own file knows better. */
	make_key("ecdsa", "256", NULL, "secret");
	make_file(beside(".pub"), text, 0644);
	expect_ok();
	assert_non_null(strstr(got.note, "another key"));
	/* Nothing else is known. */
	make_key("ecdsa", "256", "PEM", "secret");
	make_file(beside(".pub"), text, 0644);
	assert_int_equal(read_quietly(), ST_UNTRUSTED);
	assert_non_null(strstr(why, "/id: ssh-add found another key"));
	(void)unlink(beside(".pub"));
	expect_ok();
	free(text);
}

/* --- certificates -------------------------------------------------------- */

/* Certify PATH.pub; the certificate is PATH-cert.pub. */
static void
certify(const char *valid, bool host)
{
	if (!is_there(ca))
		run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", ca, NULL);
	if (host)
		run(keygen, "-q", "-h", "-s", ca, "-I", "an id", "-n", "box",
		    "-V", valid, beside(".pub"), NULL);
	else
		run(keygen, "-q", "-s", ca, "-I", "an id", "-n", "me", "-V",
		    valid, beside(".pub"), NULL);
}

/* The one certificate is that of a file. */
static void
certificate_is_that_of(const char *at)
{
	char *text = text_of(at);

	assert_int_equal(got.n_certs, 1);
	assert_true(got.certs[0].len > 100);
	assert_int_equal(key.certs.n, 1);
	*strchr(strchr(text, ' ') + 1, ' ') = '\0';
	assert_string_equal(key.certs.word[0], text);
	free(text);
}

static void
the_certificate_beside_is_taken(void **state)
{
	(void)state;
	for (size_t t = 0; t < LENGTH(types); t++) {
		make_key(types[t].type, types[t].bits, NULL, "");
		certify("always:forever", false);
		expect_ok();
		certificate_is_that_of(beside("-cert.pub"));
		assert_string_equal(got.note, "");
	}
	certify("-1h:+1h", false);
	expect_ok();
	assert_string_equal(got.note, "");
}

static void
of_an_encrypted_key_too(void **state)
{
	(void)state;
	make_askpass("echo secret");
	for (size_t f = 0; f < LENGTH(formats); f++) {
		make_key("ecdsa", "256", formats[f], "secret");
		certify("always:forever", false);
		/* ssh-add hands this over as well. */
		assert_int_equal(read_quietly(), ST_OK);
		assert_int_equal(got.fields.cert.len, 0);
		certificate_is_that_of(beside("-cert.pub"));
	}
}

static void
the_named_certificate_is_taken_instead(void **state)
{
	char named[128];

	(void)state;
	(void)snprintf(named, sizeof(named), "%s/named", dir);
	key.certificate = named;
	make_key("ed25519", "256", NULL, "");
	certify("always:forever", false);
	/* Not there: the one beside is not a stand-in. */
	expect(ST_MALFORMED, "/named: there is no such file, which is to have "
	    "a certificate for");
	assert_int_equal(rename(beside("-cert.pub"), named), 0);
	make_file(beside("-cert.pub"), "nonsense", 0644);
	expect_ok();
	certificate_is_that_of(named);
	make_file(named, "nonsense", 0644);
	expect(ST_MALFORMED, "/named: there is no certificate in it");
	assert_int_equal(unlink(named), 0);
	assert_int_equal(mkfifo(named, 0600), 0);
	expect(ST_UNSUPPORTED, "/named: this is no regular file");
	assert_int_equal(unlink(named), 0);
	assert_int_equal(symlink(beside(".pub"), named), 0);
	expect(ST_MALFORMED, "/named: this is a public key, and no");
}

static void
a_certificate_for_another_key_is_an_error(void **state)
{
	char *text, named[128];

	(void)state;
	make_key("ed25519", "256", NULL, "");
	certify("always:forever", false);
	text = text_of(beside("-cert.pub"));
	make_key("ed25519", "256", NULL, "");
	make_file(beside("-cert.pub"), text, 0644);
	expect(ST_MALFORMED, "/id-cert.pub: line 1: the certificate \"an id\" "
	    "is for another key than /tmp/");
	(void)snprintf(named, sizeof(named), "%s/named", dir);
	make_file(named, text, 0644);
	(void)unlink(beside("-cert.pub"));
	expect_ok();
	key.certificate = named;
	expect(ST_MALFORMED, "/named: line 1: the certificate \"an id\"");
	/* Damaged. */
	text[60] = text[60] == 'A' ? 'B' : 'A';
	text[200] = '*';
	make_file(named, text, 0644);
	expect(ST_MALFORMED, "/named: line 1: this is a certificate");
	free(text);
}

static void
dates_are_looked_at(void **state)
{
	(void)state;
	make_key("ed25519", "256", NULL, "");
	certify("20200101:20200102", false);
	expect_ok();
	assert_int_equal(key.certs.n, 1);
	assert_non_null(strstr(got.note, "/id-cert.pub: the certificate "
	    "\"an id\" has expired (2020-01-0"));
	assert_non_null(strstr(got.note, " UTC)"));
	certify("20990201:20990301", false);
	expect_ok();
	assert_non_null(strstr(got.note, "is not valid before 2099-0"));
	certify("always:forever", true);
	expect_ok();
	assert_non_null(strstr(got.note, "is one for hosts"));
}

static void
several_certificates_are_taken(void **state)
{
	char *first, *second, *both;

	(void)state;
	make_key("ed25519", "256", NULL, "");
	certify("always:forever", false);
	first = text_of(beside("-cert.pub"));
	certify("20200101:20200102", false);
	second = text_of(beside("-cert.pub"));
	both = calloc(1, strlen(first) + strlen(second) + 1);
	assert_non_null(both);
	(void)sprintf(both, "%s%s", first, second);
	make_file(beside("-cert.pub"), both, 0644);
	expect_ok();
	assert_int_equal(got.n_certs, 2);
	assert_int_equal(key.certs.n, 2);
	assert_string_not_equal(key.certs.word[0], key.certs.word[1]);
	free(first);
	free(second);
	free(both);
}

static void
a_private_key_with_a_certificates_name_is_told_apart(void **state)
{
	char *text, *more;

	(void)state;
	make_key("ed25519", "256", NULL, "");
	certify("always:forever", false);
	text = text_of(beside("-cert.pub"));
	make_file(path, text, 0600);
	expect(ST_UNSUPPORTED, "this is a certificate: name the private key");
	/* With what a public key ends by. */
	assert_true(asprintf(&more, "%s-----END PUBLIC KEY-----\n", text) > 0);
	make_file(path, more, 0600);
	expect(ST_UNSUPPORTED, "this is a public key");
	free(more);
	free(text);
}

/* --- memory -------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

/* How often these bytes, which lie in the region, are in all other memory. */
static size_t
count_copies(struct slice bytes)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	char line[512], mode[8];
	const uint8_t *p, *end;
	size_t n = 0;

	assert_non_null(maps);
	assert_true(secret_owns(region, bytes.p));
	while (fgets(line, sizeof(line), maps) != NULL) {
		assert_int_equal(sscanf(line, "%lx-%lx %4s", &from, &to, mode),
		    3);
		if (mode[0] != 'r' || strstr(line, "[v") != NULL)
			continue;
		p = (const uint8_t *)from;
		end = (const uint8_t *)to;
		if (secret_owns(region, p))
			continue;
		while ((p = memmem(p, (size_t)(end - p), bytes.p,
		    bytes.len)) != NULL) {
			n++;
			p++;
		}
	}
	(void)fclose(maps);
	return n;
}

/* The bytes of a key, and the middle of its text, which has them, too. */
static void
no_copies(struct slice bytes)
{
	struct slice middle = { bytes.p + 4, 16 };
	uint8_t *text = secret_alloc(region, KEYFILE_MAX);
	void *copy;
	ssize_t n;
	int fd;

	assert_non_null(text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true((n = read(fd, text, KEYFILE_MAX)) > 0);
	(void)close(fd);
	assert_int_equal(count_copies(middle), 0);
	/* The last lines; those before have the public half. */
	assert_true(n > 200);
	assert_int_equal(count_copies((struct slice){ text + n - 110, 40 }), 0);
	/* It would be found. */
	copy = malloc(16);
	assert_non_null(copy);
	memcpy(copy, middle.p, 16);
	assert_int_equal(count_copies(middle), 1);
	explicit_bzero(copy, 16);
	free(copy);
	secret_free(region, text);
}

static void
no_byte_of_a_key_is_in_other_memory(void **state)
{
	(void)state;
#ifdef SANITIZED
	print_message("a sanitizer's memory is too large to look through\n");
	skip();
#endif
	make_key("ed25519", "256", NULL, "");
	expect_ok();
	no_copies(got.fields.ed25519.sk);
	for (size_t f = 0; f < LENGTH(formats); f++) {
		make_key("ecdsa", "256", formats[f], "");
		expect_ok();
		no_copies(got.fields.ecdsa.d);
		make_key("rsa", "2048", formats[f], "");
		expect_ok();
		no_copies(got.fields.rsa.d);
		no_copies(got.fields.rsa.p);
	}
	make_askpass("echo secret");
	make_key("ed25519", "256", NULL, "secret");
	expect_ok();
	no_copies(got.fields.ed25519.sk);
}

static void
what_is_released_is_wiped(void **state)
{
	const uint8_t *at;
	size_t len, zeros = 0;

	(void)state;
	make_key("rsa", "2048", NULL, "");
	expect_ok();
	at = got.fields.rsa.d.p;
	len = got.fields.rsa.d.len;
	keyfile_fini(&how, &got);
	for (size_t i = 0; i < len; i++)
		zeros += at[i] == 0;
	/* Its bookkeeping may be there now. */
	assert_true(zeros > len - 64);
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(every_type_is_read_in_every_format),
		OWN_TEST(openssls_ed25519_is_read),
		OWN_TEST(without_its_public_half_the_way_out_is_told),
		OWN_TEST(line_ends_do_not_count),
		OWN_TEST(comments_come_from_key_pub_or_path),
		OWN_TEST(a_pub_of_another_key_is_told_and_not_used),
		OWN_TEST(of_two_keys_the_first_is_taken),
		OWN_TEST(paths_are_taken_as_they_are),
		OWN_TEST(a_link_is_followed),
		OWN_TEST(what_others_may_read_is_refused),
		OWN_TEST(what_we_may_not_read_is_told),
		OWN_TEST(what_is_no_file_is_told_apart),
		OWN_TEST(what_is_no_private_key_is_told_apart),
		OWN_TEST(an_sk_key_is_told_apart),
		OWN_TEST(the_length_is_limited),
		OWN_TEST(a_full_region_is_told),
		OWN_TEST(every_encrypted_key_is_taken_from_ssh_add),
		OWN_TEST(without_a_pub_the_comment_is_that_of_key_or_path),
		OWN_TEST(a_wrong_passphrase_can_be_followed_by_a_right_one),
		OWN_TEST(no_passphrase_is_told),
		OWN_TEST(nobody_is_waited_for_without_end),
		OWN_TEST(where_nobody_may_be_asked_nobody_is),
		OWN_TEST(an_encrypted_key_must_be_that_of_its_pub),
		OWN_TEST(the_certificate_beside_is_taken),
		OWN_TEST(of_an_encrypted_key_too),
		OWN_TEST(the_named_certificate_is_taken_instead),
		OWN_TEST(a_certificate_for_another_key_is_an_error),
		OWN_TEST(dates_are_looked_at),
		OWN_TEST(several_certificates_are_taken),
		OWN_TEST(a_private_key_with_a_certificates_name_is_told_apart),
		OWN_TEST(no_byte_of_a_key_is_in_other_memory),
		OWN_TEST(what_is_released_is_wiped),
	};
	struct secret_options opts = { .size = 256 * 1024,
		.want = SECRET_MLOCK, .allow_unlocked = true };
	const char *places = getenv("PATH");
	int failed;

	child_signals();
	if (child_find("ssh-keygen", places, keygen) != ST_OK) {
		print_message("no ssh-keygen\n");
		return 0;
	}
	/* Where they are not, the path is empty. */
	(void)!child_find("ssh-add", places, ssh_add);
	(void)!child_find("openssl", places, openssl);
	if (secret_open(&region, &opts, why, sizeof(why)) != ST_OK) {
		print_message("%s\n", why);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_close(region);
	return failed;
}
