/*
 * Requests that would change the agent, have root's agent load something, or
 * are for its operator.
 */
#include "tests/attack/attacks.h"

#include <stdio.h>
#include <string.h>

#include <sys/prctl.h>
#include <unistd.h>

#include "proto/agent_num.h"
#include "proto/extension.h"
#include "tests/attack/bodies.h"
#include "tests/attack/talk.h"
#include "tests/attack/trial.h"

static const struct slice nothing;

int
attack_wipe(int argc, char **argv)
{
	struct slice both = nothing;
	static const uint8_t pair[] = { 0, 0, 0, 1, 19, 0, 0, 0, 1, 9 };
	int fd = talk_connect();

	(void)argc;
	(void)argv;
	both = (struct slice){ pair, sizeof(pair) };
	trial_refused("19", talk_once(body_number(19)));
	trial_refused("9", talk_once(body_number(9)));
	/* As ssh-add -D does it. */
	(void)talk_send_bytes(fd, both);
	trial_refused("19 of both", talk_receive(fd, NULL));
	trial_refused("9 of both", talk_receive(fd, NULL));
	(void)close(fd);
	return trial_end();
}

int
attack_lock(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	trial_refused("lock", talk_once(body_text(SSH_AGENTC_LOCK, "mine")));
	trial_refused("lock with nothing",
	    talk_once(body_text(SSH_AGENTC_LOCK, "")));
	return trial_end();
}

int
attack_unlock(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	trial_refused("unlock", talk_once(body_text(SSH_AGENTC_UNLOCK, "mine")));
	trial_refused("unlock with nothing",
	    talk_once(body_text(SSH_AGENTC_UNLOCK, "")));
	return trial_end();
}

/* Send a message byte by byte. */
static int
ask_bytewise(struct slice body)
{
	struct wire_writer w = bodies_room();
	int fd = talk_connect(), type;
	struct slice frame;

	wire_put_string(&w, body);
	frame = bodies_done(&w);
	for (size_t i = 0; i < frame.len; i++)
		if (!talk_send_bytes(fd, (struct slice){ frame.p + i, 1 }))
			break;
	type = talk_receive(fd, NULL);
	(void)close(fd);
	return type;
}

int
attack_add(int argc, char **argv)
{
	static const uint8_t confirm[] = { SSH_AGENT_CONSTRAIN_CONFIRM };
	static const uint8_t minute[] = { SSH_AGENT_CONSTRAIN_LIFETIME,
		0, 0, 0, 60 };

	(void)argc;
	(void)argv;
	trial_refused("17", talk_once(body_add(SSH_AGENTC_ADD_IDENTITY,
	    nothing)));
	trial_refused("25 with confirm", talk_once(body_add(
	    SSH_AGENTC_ADD_ID_CONSTRAINED,
	    (struct slice){ confirm, sizeof(confirm) })));
	trial_refused("25 for a minute", talk_once(body_add(
	    SSH_AGENTC_ADD_ID_CONSTRAINED,
	    (struct slice){ minute, sizeof(minute) })));
	trial_refused("17 in single bytes", ask_bytewise(
	    body_add(SSH_AGENTC_ADD_IDENTITY, nothing)));
	return trial_end();
}

int
attack_remove(int argc, char **argv)
{
	static struct talk_ring ring;

	(void)argc;
	(void)argv;
	trial_holds("there are keys", talk_list(&ring) && ring.n > 0);
	for (size_t i = 0; i < ring.n; i++)
		trial_refused("18", talk_once(body_string(
		    SSH_AGENTC_REMOVE_IDENTITY, ring.keys[i].blob.p,
		    ring.keys[i].blob.len)));
	return trial_end();
}

/* Where a user can put a library, and where one may be already. */
static const char *const libraries[] = {
	"/tmp/evil.so",
	"/home/node/evil.so",
	"/usr/lib/../../tmp/evil.so",
	"/usr/lib/evil.so",
	"/usr/lib/x86_64-linux-gnu/libc.so.6",
	"internal",
	"",
};

#define LIBRARIES	(sizeof(libraries) / sizeof(libraries[0]))

int
attack_pkcs11(int argc, char **argv)
{
	static const uint8_t types[] = { SSH_AGENTC_ADD_SMARTCARD_KEY,
		SSH_AGENTC_REMOVE_SMARTCARD_KEY,
		SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED };

	(void)argc;
	(void)argv;
	for (size_t t = 0; t < sizeof(types); t++)
		for (size_t i = 0; i < LIBRARIES; i++)
			trial_refused(libraries[i], talk_once(
			    body_smartcard(types[t], libraries[i])));
	return trial_end();
}

int
attack_provider(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < LIBRARIES; i++)
		trial_refused(libraries[i],
		    talk_once(body_add_sk(libraries[i])));
	return trial_end();
}

int
attack_admin(int argc, char **argv)
{
	static const uint8_t begin[] = { 1, 0, 0, 0, 0 };
	static const uint8_t chunk[] = { 2, 0, 0, 0, 1, 0 };
	static const uint8_t commit[] = { 3 };
	static const uint8_t json[] = { 1 };
	const struct {
		const char	*name;
		struct slice	 body;
	} asked[] = {
		{ EXT_STATUS, nothing },
		{ EXT_EXPLAIN, { json, sizeof(json) } },
		{ EXT_LOAD, { begin, sizeof(begin) } },
		{ EXT_LOAD, { chunk, sizeof(chunk) } },
		{ EXT_LOAD, { commit, sizeof(commit) } },
	};
	int fd = talk_connect();

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		trial_refused(asked[i].name, talk_ask(fd,
		    body_extension(asked[i].name, asked[i].body), NULL));
	(void)close(fd);
	return trial_end();
}

/* Whether a peer may be answered other than with a failure. */
static bool
is_ours(unsigned type)
{
	return type == SSH_AGENTC_REQUEST_IDENTITIES;
}

int
attack_numbers(int argc, char **argv)
{
	static const uint8_t lengths[][4] = { { 0, 0, 0, 0 },
		{ 0, 4, 0, 1 }, { 0x7f, 0xff, 0xff, 0xff },
		{ 0xff, 0xff, 0xff, 0xff } };
	uint8_t junk[64];
	int fd;

	(void)argc;
	(void)argv;
	memset(junk, 0xff, sizeof(junk));
	for (unsigned type = 0; type < 256; type++) {
		if (is_ours(type))
			continue;
		trial_refused("a number alone",
		    talk_once(body_number((uint8_t)type)));
		trial_refused("a number and an empty string",
		    talk_once(body_string((uint8_t)type, "", 0)));
		trial_refused("a number and junk",
		    talk_once(body_string((uint8_t)type, junk, sizeof(junk))));
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fd = talk_connect();
		(void)talk_send_bytes(fd, (struct slice){ lengths[i], 4 });
		trial_refused("a length that cannot be",
		    talk_ask(fd, body_number(SSH_AGENTC_REQUEST_IDENTITIES),
		    NULL));
		(void)close(fd);
	}
	return trial_end();
}

/* Text that would end a line, a string, a colour or the reader's trust. */
static const char *const texts[] = {
	"root\n{\"version\":1,\"seq\":1,\"op\":\"forged\"}\n",
	"\",\"verdict\":\"allowed\",\"op\":\"forged\"}\n{\"x\":\"",
	"\r\n\r\n{\"op\":\"forged\"}\r",
	"\x1b[2J\x1b]0;owned\x07\x1b[31m",
	"\xe2\x80\xae" "gpj.exe\xe2\x80\xac",
	"\xc2\x9b" "2J\xc2\x85{\"op\":\"forged\"}",
	"\xe2\x80\xa8{\"op\":\"forged\"}\xe2\x80\xa9",
	"\\\"\\u000a\\",
	"\xff\xfe\xc0\x80\xed\xa0\x80",
	"'; rm -rf / #$(reboot)`reboot`",
};

int
attack_inject(int argc, char **argv)
{
	struct slice blob = talk_key("plain"), text;
	static char longest[4000];

	(void)argc;
	(void)argv;
	(void)prctl(PR_SET_NAME, "a\"\n{\x1b[2J}\\");
	memset(longest, '"', sizeof(longest) - 1);
	for (size_t i = 0; i <= sizeof(texts) / sizeof(texts[0]); i++) {
		text = slice_str(i < sizeof(texts) / sizeof(texts[0]) ?
		    texts[i] : longest);
		/* A login is allowed, whatever the user is called. */
		trial_is("a login", talk_once(body_sign(blob,
		    data_login_as("one", text, blob), 0)),
		    SSH_AGENT_SIGN_RESPONSE);
		trial_refused("a namespace", talk_once(body_sign(blob,
		    data_sshsig(text), 0)));
		trial_refused("an extension", talk_once(body_string(
		    SSH_AGENTC_EXTENSION, text.p, text.len)));
		trial_refused("a blob", talk_once(body_sign(text, text, 0)));
	}
	return trial_end();
}
