#include "differential/cases.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "differential/ask.h"
#include "differential/material.h"
#include "differential/trial.h"

static const struct slice nothing;

/*
 * Programs that OpenSSH runs.  They stand in a directory of their own; it is
 * the same for both agents.
 */

struct helper {
	char	 dir[40];
	char	 program[64];
	char	 reply[64];		/* bytes that it prints */
	char	 env[96];
};

/* Write a file. */
static void
write_file(const char *path, struct slice bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, bytes.p, bytes.len) != (ssize_t)bytes.len)
		die("%s: %s", path, strerror(errno));
	(void)close(fd);
}

/* Start both agents with a program of this text as NAME.  A %s in the text is
 * the file with the reply. */
static void
helper_begin(struct helper *h, struct bench *b, const char *name,
    const char *head, const char *tail, struct slice reply)
{
	char text[256];

	(void)snprintf(h->dir, sizeof(h->dir), "/tmp/differential.XXXXXX");
	if (mkdtemp(h->dir) == NULL)
		die("%s: %s", h->dir, strerror(errno));
	(void)snprintf(h->program, sizeof(h->program), "%s/run", h->dir);
	(void)snprintf(h->reply, sizeof(h->reply), "%s/reply", h->dir);
	(void)snprintf(h->env, sizeof(h->env), "%s=%s", name, h->program);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s%s%s", head,
	    h->reply, tail);
	write_file(h->program, slice_str(text), 0700);
	write_file(h->reply, reply, 0600);
	b->theirs->env[0] = b->mine->env[0] = h->env;
	b->theirs->env[1] = b->mine->env[1] = "SSH_ASKPASS_REQUIRE=force";
	bench_restart(b);
}

/* Take it away again. */
static void
helper_end(struct helper *h, struct bench *b)
{
	for (size_t i = 0; i < SIDE_ENV_MAX; i++)
		b->theirs->env[i] = b->mine->env[i] = NULL;
	(void)unlink(h->program);
	(void)unlink(h->reply);
	(void)rmdir(h->dir);
}

bool
case_confirm(struct bench *b, const struct difference *d)
{
	static const uint8_t confirm[] = { SSH_AGENT_CONSTRAIN_CONFIRM };
	struct helper h;
	struct wire_writer w;
	bool good;

	/* A person who says yes. */
	helper_begin(&h, b, "SSH_ASKPASS", "cat ", "\n", nothing);
	bench_connect(b, 0);
	good = trial_both(b, 0, trial_add(USER_ED25519, (struct slice){
	    confirm, 1 }), SSH_AGENT_SUCCESS);
	w = trial_draft();
	ask_put_sign(&w, material_users[USER_ED25519].key->blob,
	    slice_str("data"), 0);
	/* As another uid we ask, too. */
	if (geteuid() == 0)
		good = good && trial_differs(b, d, 0, trial_written(&w));
	else
		good = good && trial_both(b, 0, trial_written(&w),
		    SSH_AGENT_SIGN_RESPONSE);
	helper_end(&h, b);
	return good;
}

bool
case_sk_sign(struct bench *b, const struct difference *d)
{
	const struct material_key *k = material_users[USER_SK_ED25519].key;
	uint8_t room[512], constraint[64];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct helper h;
	char head[80];
	size_t mark;
	bool good;

	/* What ssh-sk-helper answers: u32 length, u8 version, u32 1, string
	 * signature.  The version is that of the request. */
	wire_put_u32(&w, 1);
	mark = wire_open_string(&w);
	material_sign(&w, k, material_algorithm(k->kind, 0),
	    slice_str("data"));
	wire_close_string(&w, mark);
	(void)snprintf(head, sizeof(head), "printf '\\0\\0\\0\\%03zo'; "
	    "head -c 5 | tail -c 1; cat ", w.len + 1);
	helper_begin(&h, b, "SSH_SK_HELPER", head, "\n", trial_written(&w));
	bench_connect(b, 0);
	w = wire_writer(constraint, sizeof(constraint));
	ask_put_constraint(&w, "sk-provider@openssh.com");
	wire_put_str(&w, "internal");
	good = trial_both(b, 0, trial_add(USER_SK_ED25519, trial_written(&w)),
	    SSH_AGENT_SUCCESS);
	w = trial_draft();
	ask_put_sign(&w, k->blob, slice_str("data"), 0);
	good = good && trial_differs(b, d, 0, trial_written(&w));
	helper_end(&h, b);
	return good;
}

/* A library that is in the list of -P, for the caller to free. */
static char *
some_library(void)
{
	Dl_info info;
	char *path;

	if (dladdr((const void *)&EVP_PKEY_free, &info) == 0 ||
	    (path = realpath(info.dli_fname, NULL)) == NULL)
		die("where is libcrypto?");
	return path;
}

bool
case_pkcs11(struct bench *b, const struct difference *d)
{
	static const uint8_t types[] = { SSH_AGENTC_ADD_SMARTCARD_KEY,
		SSH_AGENTC_REMOVE_SMARTCARD_KEY,
		SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED };
	uint8_t room[1024];
	struct wire_writer w = wire_writer(room, sizeof(room));
	char *path = some_library();
	struct helper h;
	bool good = true;
	size_t mark;

	/* What ssh-pkcs11-helper answers: the keys of the token, success, and
	 * the keys once more.  Since 10.1 each add starts another one. */
	for (unsigned i = 0; i < 3; i++) {
		mark = wire_open_string(&w);
		wire_put_u8(&w, i == 1 ? SSH_AGENT_SUCCESS :
		    SSH_AGENT_IDENTITIES_ANSWER);
		if (i != 1) {
			wire_put_u32(&w, 1);
			wire_put_string(&w,
			    material_users[USER_RSA_2048].key->blob);
			wire_put_str(&w, "token");
		}
		wire_close_string(&w, mark);
	}
	helper_begin(&h, b, "SSH_PKCS11_HELPER", "cat ",
	    "\nexec cat > /dev/null\n", trial_written(&w));
	bench_connect(b, 0);
	for (size_t i = 0; i < sizeof(types); i++) {
		w = trial_draft();
		ask_put_text(&w, types[i], path);
		wire_put_str(&w, "1234");
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	free(path);
	helper_end(&h, b);
	return good;
}

/* The add of a security key with that library. */
static struct slice
add_with_provider(const char *path)
{
	static uint8_t room[PATH_MAX + 64];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_constraint(&w, "sk-provider@openssh.com");
	wire_put_str(&w, path);
	return trial_add(USER_SK_ED25519, trial_written(&w));
}

bool
case_provider_missing(struct bench *b, const struct difference *d)
{
	bench_connect(b, 0);
	return trial_differs(b, d, 0,
	    add_with_provider("/usr/lib/none/none.so"));
}

bool
case_provider_link(struct bench *b, const struct difference *d)
{
	char link[64], *path = some_library();
	bool good;

	(void)snprintf(link, sizeof(link), "%s/lib.so", b->mine->dir);
	if (symlink(path, link) != 0)
		die("%s: %s", link, strerror(errno));
	free(path);
	bench_connect(b, 0);
	good = trial_differs(b, d, 0, add_with_provider(link));
	(void)unlink(link);
	return good;
}
