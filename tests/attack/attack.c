/*
 * attack - be a hostile peer of an agent.
 *
 * usage: attack NAME [ARG ...]
 *
 * The agent is at $SSH_AUTH_SOCK or where that of a container is.  The last
 * line on stdout says what came of it.
 * Exit status: 0 all of it was held off; 1 something worked, or what must work
 * did not; 2 it could not be tried.
 *
 * Besides attacks there are what the test itself needs: "after" asks as root
 * and as an honest peer how the agent does, "known-hosts" prints the host keys
 * that binds are made with, "tmpfs DIR BYTES" mounts a small disk.
 */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/agent_num.h"
#include "tests/attack/attacks.h"
#include "tests/attack/bodies.h"
#include "tests/attack/talk.h"
#include "tests/attack/trial.h"
#include "tests/support/oldkernel.h"

#define HONEST	1001u
/* More than this is not honest service; attack.sh judges what is less. */
#define HONEST_S	20

/* Whether a reply is a good signature by an Ed25519 key. */
static bool
is_signature(struct slice reply, struct slice blob, struct slice data)
{
	struct wire_reader r = wire_reader((struct slice){ reply.p + 1,
		reply.len - 1 }), k = wire_reader(blob);
	struct slice sig, name, bytes, pk;

	if (wire_get_string(&r, &sig) != ST_OK)
		return false;
	r = wire_reader(sig);
	return wire_get_string(&r, &name) == ST_OK &&
	    wire_get_string(&r, &bytes) == ST_OK &&
	    wire_get_string(&k, &name) == ST_OK &&
	    wire_get_string(&k, &pk) == ST_OK &&
	    pk.len == crypto_sign_PUBLICKEYBYTES &&
	    bytes.len == crypto_sign_BYTES &&
	    crypto_sign_verify_detached(bytes.p, data.p, data.len,
	    pk.p) == 0;
}

/* A list and a signature for an honest peer: one line with how long it took,
 * or what went wrong. */
static int
be_honest(void)
{
	int64_t start = clock_ms();
	struct slice blob, data, reply;
	int fd, type;

	attack_become(HONEST);
	(void)alarm(HONEST_S);
	blob = talk_key("plain");
	data = data_sshsig(slice_str("git"));
	fd = talk_connect();
	type = talk_ask(fd, body_sign(blob, data, 0), &reply);
	if (type != SSH_AGENT_SIGN_RESPONSE ||
	    !is_signature(reply, blob, data)) {
		(void)printf("honest failed: answered with %d\n", type);
		return 1;
	}
	(void)printf("honest %lld\n", (long long)(clock_ms() - start));
	return 0;
}

/* How the agent does: what root sees, and how an honest peer is served. */
static int
after(int argc, char **argv)
{
	static struct talk_ring ring;
	uint8_t hash[16];
	char hex[2 * sizeof(hash) + 1];

	(void)argc;
	(void)argv;
	if (talk_list(&ring)) {
		(void)crypto_generichash(hash, sizeof(hash), ring.bytes,
		    ring.len, NULL, 0);
		(void)printf("list %zu %s\n", ring.n, sodium_bin2hex(hex,
		    sizeof(hex), hash, sizeof(hash)));
	} else {
		(void)printf("list none\n");
	}
	(void)fflush(stdout);
	return be_honest();
}

static int
known_hosts(int argc, char **argv)
{
	static const char *const hosts[] = { "good.example", "evil.example" };
	char text[128];
	struct slice blob;

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		blob = host_blob(hosts[i]);
		(void)printf("%s ssh-ed25519 %s\n", hosts[i],
		    sodium_bin2base64(text, sizeof(text), blob.p, blob.len,
		    sodium_base64_VARIANT_ORIGINAL));
	}
	return 0;
}

static int
make_tmpfs(int argc, char **argv)
{
	char options[64];

	if (argc != 3)
		return 2;
	(void)snprintf(options, sizeof(options), "mode=755,size=%s", argv[2]);
	if (mount("tmpfs", argv[1], "tmpfs", 0, options) == 0)
		return 0;
	perror(argv[1]);
	return 1;
}

/* Become a program, on a kernel that is older than this one. */
static int
run_on_old_kernel(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (old_kernel())
		(void)execv(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}

static const struct {
	const char	*name;
	int		(*fn)(int argc, char **argv);
} names[] = {
	{ "after", after },
	{ "known-hosts", known_hosts },
	{ "tmpfs", make_tmpfs },
	{ "old-kernel", run_on_old_kernel },
	{ "wipe", attack_wipe },
	{ "lock", attack_lock },
	{ "unlock", attack_unlock },
	{ "add", attack_add },
	{ "remove", attack_remove },
	{ "pkcs11", attack_pkcs11 },
	{ "provider", attack_provider },
	{ "admin", attack_admin },
	{ "numbers", attack_numbers },
	{ "inject", attack_inject },
	{ "sign", attack_sign },
	{ "bind-forged", attack_bind_forged },
	{ "bind-truncated", attack_bind_truncated },
	{ "bind-many", attack_bind_many },
	{ "half-frames", attack_half_frames },
	{ "unread", attack_unread },
	{ "greedy", attack_greedy },
	{ "connections", attack_connections },
	{ "giant", attack_giant },
	{ "lists", attack_lists },
	{ "costly-binds", attack_costly_binds },
	{ "leave-behind", attack_leave_behind },
	{ "exits", attack_exits },
	{ "fill", attack_fill },
	{ "burst", attack_burst },
	{ "mixed", attack_mixed },
	{ "storm", attack_storm },
	{ "linger", attack_linger },
	{ "linger-storm", attack_linger_storm },
	{ "passed", attack_passed },
	{ "claim", attack_claim },
	{ "own-root", attack_own_root },
	{ "pid-reuse", attack_pid_reuse },
	{ "lock-of-root", attack_lock_of_root },
	{ "process", attack_process },
	{ "proc", attack_proc },
	{ "place", attack_place },
};

int
main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return 2;
	for (size_t i = 0; argc > 1 && i < sizeof(names) / sizeof(names[0]);
	    i++)
		if (strcmp(argv[1], names[i].name) == 0)
			return names[i].fn(argc - 1, argv + 1);
	(void)fprintf(stderr, "usage: attack NAME [ARG ...]\n");
	return 2;
}
