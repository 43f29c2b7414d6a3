/*
 * A key file is read into a piece of the region of its size and is gone from
 * there as soon as it was parsed; what follows needs the public half only.
 * Public files, PATH.pub and certificates, are in ordinary memory.
 */
#include "provision/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/text.h"
#include "keys/fingerprint.h"
#include "keys/keytext.h"
#include "keys/pem.h"
#include "proto/certificate.h"
#include "provision/addpoint.h"
#include "provision/hostkey.h"

/* Longest path with what is put behind it. */
#define BESIDE_MAX	(PATH_MAX + 16)
/* A path in a message. */
#define SHOWN_MAX	(2 * PATH_MAX)
/* The last second of the year 9999. */
#define DATE_MAX	253402300799

/* One key being read. */
struct reading {
	const struct keyfile_how *how;
	struct plan_key	*key;
	struct keyfile	*out;
	char		*why;
	size_t		 whylen;
	struct text	 note;
	size_t		 blob_len;	/* of the key's public half */
	uint8_t		 blob[KEYPRIVATE_PUBLIC_MAX];
};

/* PATH.pub, where it is there and has a public key. */
struct pubfile {
	char		*text;		/* of the file; or NULL */
	struct hostkey	 key;
	struct slice	 comment;	/* borrows from text */
};

/*
 * Messages.
 */

/* Say "PATH: what"; the status to return. */
static int PRINTF_LIKE(4, 5)
fail(const struct reading *r, int st, const char *path, const char *fmt, ...)
{
	char what[SHOWN_MAX];
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (r->whylen == 0)
		return st;
	text_init(&t, r->why, r->whylen);
	text_escape(&t, path, strlen(path));
	text_add(&t, ": ");
	text_add(&t, what);
	return st;
}

/* The same for what the system refused. */
static int
fail_errno(const struct reading *r, int st, const char *path, const char *what)
{
	return fail(r, st, path, "%s: %s", what, strerror(errno));
}

/* Out of memory. */
static int
fail_memory(const struct reading *r)
{
	return fail(r, ST_NOMEM, r->key->path, "out of memory");
}

/* Note "PATH: what", which does not stop us. */
static void PRINTF_LIKE(3, 4)
note(struct reading *r, const char *path, const char *fmt, ...)
{
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	text_escape(&r->note, path, strlen(path));
	text_addf(&r->note, ": %s\n", what);
}

/* A command with a path as a shell takes it; where the path has what a
 * terminal would not show, as it is shown. */
static const char *
command(const char *words, const char *path, char out[static SHOWN_MAX])
{
	char quoted[SHOWN_MAX];
	struct text t, q;
	const char *p = path;

	while (*p >= ' ' && *p <= '~')
		p++;
	text_init(&t, out, SHOWN_MAX);
	text_add(&t, words);
	text_addc(&t, ' ');
	if (*p == '\0') {
		text_shell(&t, path);
	} else {
		text_init(&q, quoted, sizeof(quoted));
		text_shell(&q, path);
		text_escape(&t, quoted, q.len);
	}
	return out;
}

/*
 * Files.
 */

/* Open a regular file, and say how long it is. */
static int
open_regular(const struct reading *r, const char *path, int *fd,
    struct stat *sb)
{
	/* What is no regular file is not waited for. */
	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail(r, ST_NOT_FOUND, path, "there is no such file");
	if (*fd < 0 && (errno == EACCES || errno == EPERM))
		return fail_errno(r, ST_DENIED, path, "cannot open it");
	if (*fd < 0 && (errno == ENXIO || errno == ENODEV))
		return fail(r, ST_UNSUPPORTED, path, "this is no regular "
		    "file: name the file with the key");
	if (*fd < 0)
		return fail_errno(r, ST_SYSTEM, path, "cannot open it");
	if (fstat(*fd, sb) != 0)
		return fail_errno(r, ST_SYSTEM, path, "cannot look at it");
	if (S_ISDIR(sb->st_mode))
		return fail(r, ST_UNSUPPORTED, path, "this is a directory: "
		    "name the file in it");
	if (!S_ISREG(sb->st_mode))
		return fail(r, ST_UNSUPPORTED, path, "this is no regular "
		    "file: name the file with the key");
	if (sb->st_size > KEYFILE_MAX)
		return fail(r, ST_TOO_LARGE, path, "this has %lld bytes, and "
		    "key files have at most %d: is it the right one?",
		    (long long)sb->st_size, KEYFILE_MAX);
	return ST_OK;
}

/* Read a file that was ${n} bytes long into ${p}, which has room for one
 * more. */
static int
read_all(const struct reading *r, const char *path, int fd, void *p, size_t n)
{
	size_t got;
	int st = fdio_read_full(fd, p, n + 1, &got);

	if (st == ST_SYSTEM)
		return fail_errno(r, st, path, "cannot read it");
	if (got != n)
		return fail(r, ST_MALFORMED, path, "it was changed while it "
		    "was read: try again");
	return ST_OK;
}

/* Whether nobody else may read it: as ssh has it, which looks at files of our
 * own only. */
static int
check_mode(const struct reading *r, const struct stat *sb)
{
	char chmod_line[SHOWN_MAX];

	if (sb->st_uid != getuid() || (sb->st_mode & 077) == 0)
		return ST_OK;
	return fail(r, ST_UNTRUSTED, r->key->path, "others may read or change "
	    "it (mode %04o), and ssh does not take such a key, either: `%s`",
	    (unsigned)(sb->st_mode & 07777), command("chmod 600",
	    r->key->path, chmod_line));
}

/* The text of the key file, a piece of the region. */
static int
read_secret(const struct reading *r, struct slice *text, void **mem,
    struct stat *sb)
{
	const char *path = r->key->path;
	size_t n;
	int fd, st;

	if ((st = open_regular(r, path, &fd, sb)) != ST_OK)
		goto out;
	n = (size_t)sb->st_size;
	if ((*mem = secret_alloc(r->how->region, n + 1)) == NULL) {
		st = fail(r, ST_FULL, path, "there is no room left in locked "
		    "memory: raise the limit (ulimit -l), or load fewer keys "
		    "at once");
		goto out;
	}
	st = read_all(r, path, fd, *mem, n);
	*text = (struct slice){ *mem, n };
out:
	if (fd >= 0)
		(void)close(fd);
	return st;
}

/* The text of a file that is public, with a NUL behind it. */
static int
read_public(const struct reading *r, const char *path, char **text,
    size_t *len)
{
	struct stat sb;
	int fd, st;

	*text = NULL;
	*len = 0;
	if ((st = open_regular(r, path, &fd, &sb)) != ST_OK)
		goto out;
	*len = (size_t)sb.st_size;
	if ((*text = calloc(1, *len + 1)) == NULL) {
		st = fail_memory(r);
		goto out;
	}
	st = read_all(r, path, fd, *text, *len);
	(*text)[*len] = '\0';
out:
	if (st != ST_OK) {
		free(*text);
		*text = NULL;
	}
	if (fd >= 0)
		(void)close(fd);
	return st;
}

/* The path of a file beside the key. */
static int
beside(const struct reading *r, const char *suffix,
    char out[static BESIDE_MAX])
{
	int n = snprintf(out, BESIDE_MAX, "%s%s", r->key->path, suffix);

	return n < 0 || n >= BESIDE_MAX ? fail(r, ST_TOO_LARGE, r->key->path,
	    "the path is too long") : ST_OK;
}

/* What stands in a line behind two words. */
static struct slice
third_word(struct slice line)
{
	for (int i = 0; i < 2; i++) {
		while (line.len > 0 && *line.p != ' ' && *line.p != '\t') {
			line.p++;
			line.len--;
		}
		while (line.len > 0 && (*line.p == ' ' || *line.p == '\t')) {
			line.p++;
			line.len--;
		}
	}
	return line;
}

/* The first line of a text that is a plain public key. */
static int
find_public(struct slice text, struct hostkey *key, struct slice *line)
{
	const char *ignored;

	while (pem_line(&text, line))
		if (hostkey_parse((const char *)line->p, line->len, key,
		    &ignored) == ST_OK)
			return ST_OK;
	return ST_NOT_FOUND;
}

/* PATH.pub.  It need not be there: nothing that is wrong with it counts. */
static void
read_pub(const struct reading *r, struct pubfile *pub)
{
	char path[BESIDE_MAX], ignored[1];
	struct reading quiet = { .key = r->key, .why = ignored };
	struct slice line;
	size_t len;

	pub->text = NULL;
	if (beside(&quiet, ".pub", path) != ST_OK ||
	    read_public(&quiet, path, &pub->text, &len) != ST_OK)
		return;
	if (find_public((struct slice){ (uint8_t *)pub->text, len }, &pub->key,
	    &line) == ST_OK) {
		pub->comment = third_word(line);
		return;
	}
	free(pub->text);
	pub->text = NULL;
}

/*
 * The private half.
 */

/* Whether some words are in a text. */
static bool
has(struct slice text, const char *words)
{
	size_t n = strlen(words);

	for (size_t i = 0; i + n <= text.len; i++)
		if (memcmp(text.p + i, words, n) == 0)
			return true;
	return false;
}

/* Say what there is where no private key is. */
static int
explain_none(const struct reading *r, struct slice text)
{
	static const char pem_public[] = "PUBLIC KEY-----";
	static const char ssh2_public[] = "---- BEGIN SSH2 PUBLIC KEY ----";
	const char *path = r->key->path;
	struct certtext certs;
	char ignored[1];
	size_t n;
	int st;

	if (text.len == 0)
		return fail(r, ST_MALFORMED, path, "this file is empty");
	st = certtext_find_all(&certs, text, ignored, sizeof(ignored));
	n = certs.n;
	certtext_fini(&certs);
	if (st == ST_UNSUPPORTED ||
	    has(text, pem_public) ||
	    has(text, ssh2_public))
		return fail(r, ST_UNSUPPORTED, path, "this is a public key: "
		    "name the file with its private half, which is the one "
		    "without .pub; a key that only an agent has cannot be "
		    "taken out of it");
	if (n > 0)
		return fail(r, ST_UNSUPPORTED, path, "this is a certificate: "
		    "name the private key that it is for");
	return fail(r, ST_UNSUPPORTED, path, "there is no private key in it: "
	    "is it the right file?");
}

/* Note the public half. */
static int
keep_blob(struct reading *r)
{
	struct wire_writer w = wire_writer(r->blob, sizeof(r->blob));
	struct slice blob;

	keyprivate_put_public(&w, &r->out->fields);
	if (wire_done(&w, &blob) != ST_OK)
		return fail(r, ST_TOO_LARGE, r->key->path, "it is larger than "
		    "any key that is taken");
	r->blob_len = blob.len;
	return ST_OK;
}

/* Keep the comment in the plan. */
static int
keep_comment(struct reading *r, struct slice comment)
{
	char *copy = strndup((const char *)comment.p, comment.len);

	if (copy == NULL)
		return fail_memory(r);
	r->key->comment = copy;
	r->out->comment = slice_str(copy);
	return ST_OK;
}

/* Whether a public half that stands elsewhere can be one of a key that we
 * take; a passphrase is not asked for in vain. */
static int
check_type(const struct reading *r, struct slice blob)
{
	struct wire_reader reader = wire_reader(blob);
	struct slice name;
	enum key_type type;
	bool cert;

	if (blob.len == 0)
		return ST_OK;
	if (wire_get_string(&reader, &name) != ST_OK ||
	    key_type_named(name, &type, &cert) != ST_OK || cert)
		return fail(r, ST_UNSUPPORTED, r->key->path, "its type is not "
		    "taken: only Ed25519, RSA, and ECDSA on P-256, P-384 and "
		    "P-521 are; make a new key with `ssh-keygen -t ed25519`");
	if (key_type_info(type)->sk)
		return fail(r, ST_UNSUPPORTED, r->key->path, "it is only the "
		    "handle of a security key, which has to be touched where "
		    "it is plugged in: use a key of another type in there");
	return ST_OK;
}

/* What is known of the public half of a key that is encrypted. */
static int
know_public(struct reading *r, struct slice text)
{
	struct pubfile pub;
	int st;

	st = keytext_public(r->how->region, text, r->blob, &r->blob_len);
	if (st != ST_OK && st != ST_NOT_FOUND)
		return fail(r, st, r->key->path, "it is damaged, or there is "
		    "no room left in locked memory");
	if (st == ST_NOT_FOUND) {
		read_pub(r, &pub);
		if (pub.text != NULL) {
			r->blob_len = pub.key.len;
			memcpy(r->blob, pub.key.blob, pub.key.len);
		}
		free(pub.text);
	}
	return check_type(r, (struct slice){ r->blob, r->blob_len });
}

/* Whether there is a way to ask for a passphrase. */
static int
may_ask(const struct reading *r)
{
	if (!r->how->prompt)
		return fail(r, ST_LOCKED, r->key->path, "it is protected by a "
		    "passphrase, and nobody may be asked for it: leave out "
		    "--no-prompt, or name a key without one");
	if (r->how->ssh_add == NULL)
		return fail(r, ST_LOCKED, r->key->path, "it is protected by a "
		    "passphrase, and ssh-add, which asks for it, was not "
		    "found: install OpenSSH's client");
	return ST_OK;
}

/* Have the key from ssh-add. */
static int
ask(struct reading *r)
{
	const struct keyfile_how *how = r->how;
	struct addpoint_spec spec = {
		.region = how->region,
		.ssh_add = how->ssh_add,
		.key = r->key->path,
		.dir = how->run_dir != NULL ? how->run_dir : "/tmp",
		.expect = { r->blob, r->blob_len },
		.time_ms = how->ask_ms,
		.stop = how->stop,
	};
	struct addpoint_key got;
	char what[1024];
	int st;

	st = addpoint_ask(&spec, &got, what, sizeof(what));
	if (st != ST_OK) {
		(void)fail(r, st, r->key->path, "%s", what);
		/* Only the key file's own absence is told as such. */
		return st == ST_BUSY || st == ST_NOT_FOUND ||
		    st == ST_DENIED ? ST_LOCKED : st;
	}
	r->out->fields = got.fields;
	r->out->mem = got.mem;
	/* Where the key has none, ssh-add takes the path. */
	if (got.comment.len == 0 || slice_eq_str(got.comment, r->key->path))
		return ST_OK;
	return keep_comment(r, got.comment);
}

/* Take the first key of the text. */
static int
parse(struct reading *r, struct slice text)
{
	struct pem_block second;
	struct keytext key;
	const char *ignored;
	char what[512];
	int st;

	st = keytext_next(r->how->region, NULL, &text, &key, what,
	    sizeof(what));
	if (st != ST_OK)
		return fail(r, st, r->key->path, "%s", what);
	r->out->fields = key.fields;
	r->out->mem = key.mem;
	if (pem_next(&text, &second, &ignored) != ST_NOT_FOUND)
		note(r, r->key->path, "there is more than one key in it; only "
		    "the first is taken, as ssh does");
	return key.comment.len > 0 ? keep_comment(r, key.comment) : ST_OK;
}

/* Read the private half. */
static int
take_private(struct reading *r)
{
	struct slice text = { NULL, 0 }, left;
	struct pem_block first;
	const char *ignored;
	bool locked = false;
	void *mem = NULL;
	struct stat sb;
	int st;

	if ((st = read_secret(r, &text, &mem, &sb)) != ST_OK)
		goto out;
	left = text;
	/* A public key that all may read needs another file named, and no
	 * other mode. */
	if (pem_next(&left, &first, &ignored) == ST_NOT_FOUND) {
		st = explain_none(r, text);
		goto out;
	}
	if ((st = check_mode(r, &sb)) != ST_OK)
		goto out;
	st = parse(r, text);
	locked = st == ST_LOCKED;
	if (locked && (st = know_public(r, text)) == ST_OK)
		st = may_ask(r);
out:
	/* It may be long until somebody has answered. */
	secret_free(r->how->region, mem);
	if (locked && st == ST_OK)
		st = ask(r);
	return st == ST_OK ? keep_blob(r) : st;
}

/*
 * The public half, and what it is called.
 */

/* "TYPE BASE64" of a blob. */
static char *
public_text(const char *type, struct slice blob)
{
	size_t len = strlen(type) + 1 + (blob.len + 2) / 3 * 4 + 1;
	char *out = malloc(len);
	struct text t;

	if (out == NULL)
		return NULL;
	text_init(&t, out, len);
	text_add(&t, type);
	text_addc(&t, ' ');
	text_base64(&t, blob.p, blob.len, true);
	return out;
}

/* Fill in fingerprint and public half. */
static int
fill_public(struct reading *r)
{
	struct slice blob = { r->blob, r->blob_len };
	char fingerprint[FINGERPRINT_MAX];

	fingerprint_sha256(blob, fingerprint);
	r->key->fingerprint = strdup(fingerprint);
	r->key->pub = public_text(key_type_info(r->out->fields.type)->name,
	    blob);
	return r->key->fingerprint != NULL && r->key->pub != NULL ? ST_OK :
	    fail_memory(r);
}

/* Have a comment, where the key has none, from PATH.pub or the path. */
static int
fill_comment(struct reading *r)
{
	const char *path = r->key->path, *slash = strrchr(path, '/');
	char other[BESIDE_MAX];
	struct pubfile pub;
	int st = ST_OK;

	read_pub(r, &pub);
	if (pub.text != NULL && !slice_eq((struct slice){ pub.key.blob,
	    pub.key.len }, (struct slice){ r->blob, r->blob_len })) {
		(void)snprintf(other, sizeof(other), "%s.pub", path);
		note(r, other, "this is the public half of another key, and "
		    "ssh may not use the private one because of it: `ssh-keygen "
		    "-y` prints the right one");
		pub.comment.len = 0;
	}
	if (r->key->comment == NULL && pub.text != NULL && pub.comment.len > 0)
		st = keep_comment(r, pub.comment);
	if (st == ST_OK && r->key->comment == NULL)
		st = keep_comment(r, slice_str(slash != NULL ? slash + 1 :
		    path));
	free(pub.text);
	return st;
}

/*
 * Certificates.
 */

/* A time as people read it. */
static void
put_date(struct text *t, uint64_t s)
{
	time_t at = (time_t)(s <= DATE_MAX ? s : DATE_MAX);
	char date[64];
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return;
	text_add(t, date);
}

/* Note why nobody will take a certificate, if that is so. */
static void
judge(struct reading *r, const char *path, const struct certificate *cert,
    const char *name)
{
	uint64_t now = (uint64_t)clock_wall_s();
	char date[64] = "";
	struct text t;

	text_init(&t, date, sizeof(date));
	if (cert->role != CERTIFICATE_USER)
		note(r, path, "the certificate %s is one for hosts, which is "
		    "no use to a user", name);
	if (now >= cert->valid_before) {
		put_date(&t, cert->valid_before);
		note(r, path, "the certificate %s has expired (%s): have it "
		    "made anew", name, date);
	} else if (now < cert->valid_after) {
		put_date(&t, cert->valid_after);
		note(r, path, "the certificate %s is not valid before %s",
		    name, date);
	}
}

/* Take one of the certificates of a file. */
static int
take_certificate(struct reading *r, const char *path,
    const struct certtext_cert *found)
{
	struct plan_words *words = &r->key->certs;
	struct certificate cert;
	char name[256];
	struct text t;

	text_init(&t, name, sizeof(name));
	text_addc(&t, '"');
	text_escape(&t, found->key_id.p, found->key_id.len < 48 ?
	    found->key_id.len : 48);
	text_addc(&t, '"');
	if (!slice_eq(found->key, (struct slice){ r->blob, r->blob_len }))
		return fail(r, ST_MALFORMED, path, "line %zu: the certificate "
		    "%s is for another key than %s: have the right one made, "
		    "or take it away", found->line, name, r->key->path);
	if (certificate_decode(found->blob, &cert) == ST_OK)
		judge(r, path, &cert, name);
	words->word[words->n] = public_text(found->type, found->blob);
	if (words->word[words->n] == NULL)
		return fail_memory(r);
	words->n++;
	r->out->certs[r->out->n_certs++] = found->blob;
	return ST_OK;
}

/* Take all certificates of a text. */
static int
take_certificates(struct reading *r, const char *path, struct slice text)
{
	struct certtext *kept = &r->out->kept;
	struct hostkey plain;
	struct slice line;
	char what[512];
	int st;

	if (find_public(text, &plain, &line) == ST_OK)
		return fail(r, ST_MALFORMED, path, "this is a public key, and "
		    "no certificate: name the file with the certificate, "
		    "which as a rule ends in -cert.pub");
	if ((st = certtext_find_all(kept, text, what, sizeof(what))) != ST_OK)
		return fail(r, st, path, "%s", what);
	if (kept->n == 0)
		return fail(r, ST_MALFORMED, path, "there is no certificate "
		    "in it: is it the right file?");
	r->key->certs.word = calloc(kept->n, sizeof(r->key->certs.word[0]));
	r->out->certs = calloc(kept->n, sizeof(r->out->certs[0]));
	if (r->key->certs.word == NULL || r->out->certs == NULL)
		return fail_memory(r);
	for (size_t i = 0; i < kept->n && st == ST_OK; i++)
		st = take_certificate(r, path, &kept->at[i]);
	return st;
}

/* Find the certificates for the key. */
static int
fill_certificates(struct reading *r)
{
	const char *path = r->key->certificate;
	char other[BESIDE_MAX], *text;
	size_t len;
	int st;

	if (path == NULL) {
		if ((st = beside(r, "-cert.pub", other)) != ST_OK)
			return st;
		path = other;
	}
	st = read_public(r, path, &text, &len);
	if (st == ST_NOT_FOUND && r->key->certificate == NULL)
		return ST_OK;
	if (st == ST_NOT_FOUND)
		return fail(r, ST_MALFORMED, path, "there is no such file, "
		    "which is to have a certificate for %s", r->key->path);
	if (st == ST_OK)
		st = take_certificates(r, path,
		    (struct slice){ (uint8_t *)text, len });
	free(text);
	return st;
}

/* Take back what was filled in. */
static void
unfill(struct plan_key *key)
{
	for (size_t i = 0; i < key->certs.n; i++)
		free(key->certs.word[i]);
	free(key->certs.word);
	free(key->comment);
	free(key->fingerprint);
	free(key->pub);
	key->certs = (struct plan_words){ NULL, 0 };
	key->comment = key->fingerprint = key->pub = NULL;
}

int
keyfile_read(const struct keyfile_how *how, struct plan_key *key,
    struct keyfile *out, char *why, size_t whylen)
{
	struct reading r = { .how = how, .key = key, .out = out, .why = why,
		.whylen = whylen };
	int st;

	if (whylen > 0)
		why[0] = '\0';
	memset(out, 0, sizeof(*out));
	text_init(&r.note, out->note, sizeof(out->note));
	unfill(key);
	if ((st = take_private(&r)) == ST_OK &&
	    (st = fill_public(&r)) == ST_OK &&
	    (st = fill_comment(&r)) == ST_OK)
		st = fill_certificates(&r);
	if (st != ST_OK) {
		keyfile_fini(how, out);
		unfill(key);
	}
	return st;
}

void
keyfile_fini(const struct keyfile_how *how, struct keyfile *k)
{
	secret_free(how->region, k->mem);
	free(k->certs);
	certtext_fini(&k->kept);
	memset(k, 0, sizeof(*k));
}
