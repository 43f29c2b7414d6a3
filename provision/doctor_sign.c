#include "provision/doctor_sign.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "provision/child.h"
#include "provision/doctor_seen.h"

#define BEGIN	"-----BEGIN SSH SIGNATURE-----"
#define END	"-----END SSH SIGNATURE-----"
#define BASE64 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
#define TYPE	"abcdefghijklmnopqrstuvwxyz0123456789-@."
#define VERIFY_MS	5000
#define SAID_MAX	4096

/* --- what was said ------------------------------------------------------ */

/* A key as it may stand in a line of ours: "ssh-ed25519 AAAA". */
static void
take_key(struct doctor_sign *s, const char *v)
{
	char type[64], blob[DOCTOR_SIGN_KEY_MAX - 72];

	if (!doctor_facts_word(&v, type, sizeof(type)) ||
	    !doctor_facts_word(&v, blob, sizeof(blob)) ||
	    type[strspn(type, TYPE)] != '\0' ||
	    blob[strspn(blob, BASE64)] != '\0')
		return;
	(void)snprintf(s->key, sizeof(s->key), "%s %s", type, blob);
}

/* The lines of the signature, and the last one of all others. */
static void
take_signed(const struct doctor_facts *facts, struct doctor_sign *s)
{
	const char *v;
	struct text t;
	bool in = false, whole = false;

	text_init(&t, s->text, sizeof(s->text));
	for (size_t at = 0; (v = doctor_facts_next(facts, "signed",
	    &at)) != NULL && !whole;) {
		if (strcmp(v, BEGIN) == 0)
			in = true;
		else if (strcmp(v, END) == 0)
			whole = in;
		else if (in ? v[strspn(v, BASE64)] != '\0' : v[0] == '\0')
			continue;
		if (in) {
			text_add(&t, v);
			text_addc(&t, '\n');
			continue;
		}
		if (strstr(v, "agent refused operation") != NULL)
			s->refused = true;
		if (strcmp(v, "Signing data on standard input") != 0)
			(void)snprintf(s->said, sizeof(s->said), "%s", v);
	}
	if (!whole || t.full)
		s->text[0] = '\0';
}

void
doctor_sign_take(const struct doctor_facts *facts, struct doctor_sign *out)
{
	const char *v = doctor_facts_get(facts, "sign");

	*out = (struct doctor_sign){ .how = DOCTOR_SIGNED_UNSEEN };
	if (v == NULL)
		return;
	if (strcmp(v, "none") == 0)
		out->how = DOCTOR_SIGNED_NO_LOAD;
	else if (strcmp(v, "git") == 0)
		out->how = DOCTOR_SIGNED_NO_GIT;
	else if (strcmp(v, "setup") == 0)
		out->how = DOCTOR_SIGNED_NO_SETUP;
	else if (doctor_facts_number(&v, &out->status))
		out->how = DOCTOR_SIGNED_TRIED;
	if ((v = doctor_facts_get(facts, "signkey")) != NULL)
		take_key(out, v);
	take_signed(facts, out);
}

/* --- whether it is one -------------------------------------------------- */

/* A file of ours, with a name in the folder. */
static int
put_file(int dir, const char *name, const char *head, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	int n;

	if (fd < 0)
		return ST_SYSTEM;
	n = dprintf(fd, "%s%s", head, text);
	if (close(fd) != 0 || n < 0)
		return ST_SYSTEM;
	return ST_OK;
}

static int
ask_keygen(const char *folder, int data, const char *path, char *why,
    size_t whylen)
{
	char program[PATH_MAX], allowed[PATH_MAX], sig[PATH_MAX];
	char *argv[] = { (char[]){ "ssh-keygen" }, (char[]){ "-Y" },
		(char[]){ "verify" }, (char[]){ "-f" }, allowed,
		(char[]){ "-I" }, (char[]){ "doctor" }, (char[]){ "-n" },
		(char[]){ "git" }, (char[]){ "-s" }, sig, NULL };
	struct child_spec spec = { .program = program, .argv = argv,
		.in = CHILD_GIVEN, .in_fd = data, .out = CHILD_KEEP,
		.err = CHILD_KEEP, .out_max = SAID_MAX, .err_max = SAID_MAX,
		.time_ms = VERIFY_MS };
	struct child c;
	int st;

	if (child_find("ssh-keygen", path, program) != ST_OK) {
		(void)snprintf(why, whylen, "there is no ssh-keygen here");
		return ST_NOT_FOUND;
	}
	(void)snprintf(allowed, sizeof(allowed), "%s/allowed", folder);
	(void)snprintf(sig, sizeof(sig), "%s/sig", folder);
	st = child_run(&c, &spec, why, whylen);
	if (st == ST_OK && c.status != 0) {
		(void)snprintf(why, whylen, "%.*s", (int)strcspn(
		    c.err_text.p != NULL ? c.err_text.p : "", "\r\n"),
		    c.err_text.p != NULL ? c.err_text.p : "");
		st = ST_UNTRUSTED;
	} else if (st != ST_OK) {
		st = ST_SYSTEM;
	}
	child_fini(&c);
	return st;
}

int
doctor_sign_verify(const struct doctor_sign *sign, const char *data,
    const char *path, char *why, size_t whylen)
{
	static const char *const names[] = { "allowed", "sig", "data" };
	const char *tmp = getenv("TMPDIR");
	char folder[256];
	int dir = -1, fd = -1, st = ST_SYSTEM;

	(void)snprintf(why, whylen, "cannot write to a folder of our own");
	if ((size_t)snprintf(folder, sizeof(folder), "%s/bottle-doctor.XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp") >= sizeof(folder) ||
	    mkdtemp(folder) == NULL)
		return ST_SYSTEM;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && put_file(dir, "allowed", "doctor ", sign->key) ==
	    ST_OK && put_file(dir, "sig", "", sign->text) == ST_OK &&
	    put_file(dir, "data", "", data) == ST_OK &&
	    (fd = openat(dir, "data", O_RDONLY | O_CLOEXEC)) >= 0)
		st = ask_keygen(folder, fd, path, why, whylen);
	if (fd >= 0)
		(void)close(fd);
	for (size_t i = 0; dir >= 0 && i < 3; i++)
		(void)unlinkat(dir, names[i], 0);
	if (dir >= 0)
		(void)close(dir);
	(void)rmdir(folder);
	return st;
}

/* --- the finding -------------------------------------------------------- */

/* gpg.ssh.program failed. */
static void
judge_failed(struct doctor *d, const struct doctor_where *w,
    const struct doctor_sign *s, const struct doctor_word_of_agent *agent)
{
	char mend[DOCTOR_MEND_MAX];
	struct doctor_refusal r;

	(void)snprintf(mend, sizeof(mend), "bottle-provision load --sign %s "
	    "HOST..., with a key that has the purpose git", w->name);
	if (s->refused && doctor_refusal(agent->refusals, w->uid, "sshsig",
	    NULL, &r))
		doctor_find(d, "signing", DOCTOR_BAD, r.remedy, "the agent "
		    "does not sign for git: %s", r.text);
	else if (s->status == 124)
		doctor_find(d, "signing", DOCTOR_BAD, "does somebody have to "
		    "say yes to a question about the key?", "git's "
		    "gpg.ssh.program makes no signature in time");
	else if (strstr(s->said, "No private key found") != NULL)
		doctor_find(d, "signing", DOCTOR_BAD, mend, "git's "
		    "user.signingkey is not a key that the agent shows the "
		    "user");
	else
		doctor_find(d, "signing", DOCTOR_BAD, mend, "git's "
		    "gpg.ssh.program fails with %u: %s", s->status, s->said);
}

static void
judge_tried(struct doctor *d, const struct doctor_where *w,
    const struct doctor_sign *s, int verified, const char *why,
    const struct doctor_word_of_agent *agent)
{
	char mend[DOCTOR_MEND_MAX];

	if (s->status != 0) {
		judge_failed(d, w, s, agent);
		return;
	}
	doctor_mend(w, DOCTOR_AS_USER, mend, "git config --show-origin "
	    "--get-all gpg.ssh.program");
	if (s->text[0] == '\0')
		doctor_find(d, "signing", DOCTOR_BAD, mend, "git's "
		    "gpg.ssh.program ends well, and makes no signature%s%s",
		    s->said[0] != '\0' ? ": " : "", s->said);
	else if (verified == ST_OK)
		doctor_find(d, "signing", DOCTOR_OK, NULL, "the agent signs "
		    "for git, and the signature is good");
	else if (verified == ST_UNTRUSTED)
		doctor_find(d, "signing", DOCTOR_BAD, mend, "git's "
		    "gpg.ssh.program makes a signature that is not good: %s",
		    why);
	else
		doctor_find(d, "signing", DOCTOR_OK, NULL, "the agent signs "
		    "for git; the signature was not verified: %s", why);
}

void
doctor_sign(struct doctor *d, const struct doctor_where *where,
    const struct doctor_sign *sign, int verified, const char *why,
    const struct doctor_word_of_agent *agent)
{
	switch (sign->how) {
	case DOCTOR_SIGNED_UNSEEN:
		doctor_find(d, "signing", DOCTOR_SKIPPED, NULL, "it could not "
		    "be tried");
		return;
	case DOCTOR_SIGNED_NO_LOAD:
		doctor_find(d, "signing", DOCTOR_SKIPPED, NULL, "no load has "
		    "set git up to sign");
		return;
	case DOCTOR_SIGNED_NO_GIT:
		doctor_find(d, "signing", DOCTOR_SKIPPED, NULL, "there is no "
		    "git");
		return;
	case DOCTOR_SIGNED_NO_SETUP:
		doctor_find(d, "signing", DOCTOR_SKIPPED, NULL, "git is not "
		    "set up to sign with a key of ours: see git");
		return;
	case DOCTOR_SIGNED_TRIED:
		judge_tried(d, where, sign, verified, why, agent);
		return;
	}
}
