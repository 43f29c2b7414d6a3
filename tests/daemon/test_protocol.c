/*
 * What OpenSSH's agent does by running other programs or by loading libraries,
 * and what it needs newer mathematics for: none of it happens here, and each
 * of it is answered.  Also how few descriptors are enough.
 */

#include "daemon/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/constraint.h"
#include "proto/extension.h"
#include "support/hex.h"
#include "support/signer.h"

#define N(a)		(sizeof(a) / sizeof((a)[0]))
#define ROOM		8192
/* What a socket can have of descriptors, and clients that come all at once. */
#define FEW		20
#define CLIENTS		20
/* Bytes of a composite key: ML-DSA-44 and Ed25519, public and private. */
#define COMPOSITE_PK	(1312 + 32)
#define COMPOSITE_SK	(32 + 32)

static struct rig agent;
static struct testkey *key;
static struct signer token;
static char ran[64], list[64];
static int fd;

/* Something that leaves a trace when it is run. */
static void
make_program(const char *path)
{
	int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(out >= 0);
	assert_true(dprintf(out, "#!/bin/sh\n: >%s\n", ran) > 0);
	assert_int_equal(close(out), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* An agent that is told of helpers, and where libraries may be. */
static int
setup(void **state)
{
	static const char *const variables[] = { "SSH_SK_HELPER",
		"SSH_PKCS11_HELPER", "SSH_ASKPASS" };
	char helper[64], dir[64];

	(void)state;
	rig_open(&agent);
	(void)snprintf(ran, sizeof(ran), "%s/ran", agent.dir);
	(void)snprintf(helper, sizeof(helper), "%s/helper", agent.dir);
	(void)snprintf(dir, sizeof(dir), "%s/lib", agent.dir);
	(void)snprintf(list, sizeof(list), "%s/lib/*", agent.dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	make_program(helper);
	for (size_t i = 0; i < N(variables); i++)
		assert_int_equal(setenv(variables[i], helper, 1), 0);
	rig_start(&agent, "-P", list, NULL);
	for (size_t i = 0; i < N(variables); i++)
		assert_int_equal(unsetenv(variables[i]), 0);
	fd = rig_connect(&agent);
	return 0;
}

/* None of them was run. */
static int
teardown(void **state)
{
	bool none = access(ran, F_OK) != 0 && errno == ENOENT;

	(void)state;
	rig_hang_up(fd);
	if (!none)
		print_error("a helper was run\n");
	return rig_finish(&agent, 2) == 0 && none ? 0 : -1;
}

static int
setup_few(void **state)
{
	(void)state;
	agent.nofile = FEW;
	rig_start(&agent, NULL);
	return 0;
}

static int
teardown_few(void **state)
{
	(void)state;
	return rig_finish(&agent, 2);
}

static struct wire_writer
writer(void)
{
	return wire_writer(hex_alloc(ROOM), ROOM);
}

static struct slice
written(const struct wire_writer *w)
{
	struct slice out;

	assert_int_equal(wire_done(w, &out), ST_OK);
	return out;
}

/* A path in the test's directory. */
static const char *
in_dir(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", agent.dir, name);
	return path;
}

/* A request with a token's library, and perhaps constraints. */
static struct slice
token_request(uint8_t type, const char *path, const char *constraints)
{
	struct wire_writer w = writer();

	wire_put_u8(&w, type);
	wire_put_str(&w, path);
	wire_put_str(&w, "1234");
	wire_put_bytes(&w, hex(constraints));
	return written(&w);
}

/* Fail unless tokens are refused on a connection, wherever the library is. */
static void
expect_no_tokens(int on)
{
	static const char *const names[] = { "lib/so", "lib/none", "other/so",
		"lib/../other/so", "lib/out" };

	for (size_t i = 0; i < N(names); i++) {
		const char *path = in_dir(names[i]);

		rig_expect(on, token_request(SSH_AGENTC_ADD_SMARTCARD_KEY,
		    path, ""), SSH_AGENT_FAILURE);
		rig_expect(on, token_request(
		    SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED, path,
		    "01 00000064"), SSH_AGENT_FAILURE);
		/* The certificates that the token's keys would get. */
		rig_expect(on, token_request(
		    SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED, path,
		    "ff 00000020 'associated-certs-v00@openssh.com' "
		    "01 00000000"), SSH_AGENT_FAILURE);
		rig_expect(on, token_request(SSH_AGENTC_REMOVE_SMARTCARD_KEY,
		    path, ""), SSH_AGENT_FAILURE);
	}
}

/* Libraries that nobody may even open: a pipe would hold whoever does. */
static void
make_libraries(void)
{
	char to[128];

	assert_int_equal(mkdir(in_dir("other"), 0755), 0);
	assert_int_equal(mkfifo(in_dir("lib/so"), 0666), 0);
	assert_int_equal(mkfifo(in_dir("other/so"), 0666), 0);
	(void)snprintf(to, sizeof(to), "%s", in_dir("other/so"));
	assert_int_equal(symlink(to, in_dir("lib/out")), 0);
	(void)snprintf(to, sizeof(to), "%s", in_dir("lib/so"));
	assert_int_equal(symlink(to, in_dir("other/in")), 0);
}

static void
tokens_are_refused_bound_or_not(void **state)
{
	static const char *const kept[] = { "kept" };

	(void)state;
	make_libraries();
	rig_expect(fd, rig_add(key, "kept", hex("")), SSH_AGENT_SUCCESS);
	expect_no_tokens(fd);
	/* A bind that fails makes it a connection from far away. */
	rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
	    SSH_AGENT_EXTENSION_FAILURE);
	expect_no_tokens(fd);
	rig_expect_comments(fd, kept, 1);
	rig_expect_signature(fd, key, 0, "ssh-ed25519", slice_str("data"));
}

/* Add a security key for an application, with a library or without. */
static struct slice
add_security_key(const char *application, const char *provider)
{
	struct wire_writer w = writer();

	wire_put_u8(&w, SSH_AGENTC_ADD_ID_CONSTRAINED);
	wire_put_str(&w, "sk-ssh-ed25519@openssh.com");
	wire_put_string(&w, token.key.point);
	wire_put_str(&w, application);
	wire_put_u8(&w, 1);
	wire_put_str(&w, "a key handle");
	wire_put_str(&w, "");
	wire_put_str(&w, "security key");
	if (provider != NULL) {
		wire_put_u8(&w, SSH_AGENT_CONSTRAIN_EXTENSION);
		wire_put_str(&w, CONSTRAINT_SK_PROVIDER);
		wire_put_str(&w, provider);
	}
	return written(&w);
}

/* The path counts as it is written: what is never loaded is never looked at,
 * so that a link cannot lead anywhere. */
static void
libraries_are_judged_by_their_path_and_never_opened(void **state)
{
	static const struct {
		const char	*name;
		uint8_t		 code, far;
	} rows[] = {
		{ "lib/so", SSH_AGENT_SUCCESS, SSH_AGENT_FAILURE },
		{ "lib/none", SSH_AGENT_SUCCESS, SSH_AGENT_FAILURE },
		{ "lib/out", SSH_AGENT_SUCCESS, SSH_AGENT_FAILURE },
		{ "other/so", SSH_AGENT_FAILURE, SSH_AGENT_FAILURE },
		{ "other/in", SSH_AGENT_FAILURE, SSH_AGENT_FAILURE },
		{ "lib/../other/so", SSH_AGENT_FAILURE, SSH_AGENT_FAILURE },
		{ "lib/../lib/so", SSH_AGENT_FAILURE, SSH_AGENT_FAILURE },
		{ "lib", SSH_AGENT_FAILURE, SSH_AGENT_FAILURE },
	};
	int far = rig_connect(&agent);

	(void)state;
	make_libraries();
	rig_expect(far, rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
	    SSH_AGENT_EXTENSION_FAILURE);
	for (size_t i = 0; i < N(rows); i++) {
		const char *path = in_dir(rows[i].name);

		print_message("row: %s\n", rows[i].name);
		rig_expect(fd, add_security_key("ssh:", path), rows[i].code);
		rig_expect(far, add_security_key("ssh:", path), rows[i].far);
	}
	rig_expect(fd, add_security_key("ssh:", "lib/so"),
	    SSH_AGENT_FAILURE);
	rig_expect(far, add_security_key("ssh:", "Internal"),
	    SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_hang_up(far);
}

/* Web sites' keys as well as SSH's, rubbish as well as what is for them. */
static void
security_keys_are_listed_and_sign_nothing(void **state)
{
	static const char *const applications[] = { "ssh:", "https://x" };
	static const char *const comments[] = { "security key" };
	static const char *const providers[] = { NULL, "internal" };
	const struct rig_key *keys;
	struct slice blob;

	(void)state;
	for (size_t i = 0; i < 2 * N(applications); i++) {
		rig_expect(fd, add_security_key(applications[i / 2],
		    providers[i % 2]), SSH_AGENT_SUCCESS);
		rig_expect_comments(fd, comments, 1);
		assert_int_equal(rig_list(fd, &keys), 1);
		blob = hex_copy(keys[0].blob);
		rig_expect(fd, rig_sign(blob, slice_str("data"), 0),
		    SSH_AGENT_FAILURE);
		rig_expect(fd, rig_sign(blob, rig_git(), 0),
		    SSH_AGENT_FAILURE);
		rig_expect(fd, rig_string(SSH_AGENTC_REMOVE_IDENTITY, blob),
		    SSH_AGENT_SUCCESS);
	}
	assert_int_equal(rig_list(fd, NULL), 0);
}

/* All their fields have the right length: libcrypto 3.0 cannot use them. */
static void
composite_keys_are_refused_under_either_name(void **state)
{
	static const char *const names[] = {
		"ssh-mldsa44-ed25519@openssh.com", "ssh-mldsa44-ed25519" };
	uint8_t pk[COMPOSITE_PK] = { 1 }, sk[COMPOSITE_SK];

	(void)state;
	memcpy(pk + sizeof(pk) - 32, key->fields.ed25519.pk.p, 32);
	memset(sk, 2, sizeof(sk));
	memcpy(sk + 32, key->fields.ed25519.sk.p, 32);
	for (size_t i = 0; i < N(names); i++) {
		struct wire_writer w = writer();

		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_str(&w, names[i]);
		wire_put_string(&w, (struct slice){ pk, sizeof(pk) });
		wire_put_string(&w, (struct slice){ sk, sizeof(sk) });
		wire_put_str(&w, "composite");
		rig_expect(fd, written(&w), SSH_AGENT_FAILURE);
	}
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_alive(&agent);
}

/* With so few descriptors as OpenSSH's agent still takes ten clients with, it
 * is one after the other; nobody is turned away. */
static void
twenty_descriptors_serve_twenty_clients_in_turn(void **state)
{
	int at[CLIENTS];

	(void)state;
	for (size_t i = 0; i < CLIENTS; i++) {
		at[i] = rig_connect(&agent);
		rig_send(at[i], hex("00000001 0b"));
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		hex_expect("list", rig_receive(at[i]), hex("0c 00000000"));
		if (i + 1 < CLIENTS)
			assert_true(rig_quiet(at[i + 1], 10));
		rig_hang_up(at[i]);
	}
}

static int
make_keys(void **state)
{
	(void)state;
	key = testkey_new(KEY_ED25519, 0);
	signer_init(&token, KEY_SK_ED25519);
	return 0;
}

static int
free_keys(void **state)
{
	testkey_free(key);
	signer_fini(&token);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tokens_are_refused_bound_or_not),
		CASE(libraries_are_judged_by_their_path_and_never_opened),
		CASE(security_keys_are_listed_and_sign_nothing),
		CASE(composite_keys_are_refused_under_either_name),
		cmocka_unit_test_setup_teardown(
		    twenty_descriptors_serve_twenty_clients_in_turn,
		    setup_few, teardown_few),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
