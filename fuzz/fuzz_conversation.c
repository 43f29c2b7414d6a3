/*
 * Reaches: the whole agent between its sockets and its keys: server.c,
 *          client.c, inbox.c, dispatch.c, keyring, keys, rules, permit,
 *          bindings, lock, load, approver, policy, audit.
 * Claims:  every reply, and every end of a connection, is the one that a model
 *          of its own (fuzz/model.h) says, in its order and in its moment: so a
 *          restricted key signs within its rules only, and a peer without an
 *          operation changes nothing; where a connection leads to, a list shows
 *          the keys that log in there and no others; signatures verify; each
 *          decision has one record, or is counted in one where there are too
 *          many; it says who, what and whether, of a signature with which key,
 *          of most refusals why; the numbers of records have no gap; the keys
 *          held are the model's after every step; no reply and no record has a
 *          part of a private key or of a passphrase; nothing is a fault of
 *          ours, and at the end the vault is as empty as before.  Where memory, the vault, system calls
 *          or the crypto libraries fail under a request, it is served rightly,
 *          or refused, or its connection ends: what is recorded as done is
 *          done, what is not has changed nothing, and all else is as it was.
 *          Who connects then is served as the peer that it is, now or when that
 *          can be, or not at all; a question to an approver is put or refused,
 *          and its answer counts or leaves it open.
 * Input:   a head of three bytes (mode, limits, policy), then steps: time goes
 *          by, another policy, a hang-up, a flood, or some requests of one
 *          connection, sent at once, in pieces, or but for their end.  If the
 *          head says so, two bytes of some steps say which calls fail under
 *          them.
 */

#include "faults/fault.h"
#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/program.h"
#include "fuzz/conversation/secrets.h"
#include "fuzz/conversation/steps.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/hosts.h"
#include "fuzz/support/stage.h"
#include "fuzz/support/vaultuse.h"

#define STEPS_MAX	48

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool troubled;

	program_open((struct slice){ data, size });
	troubled = steps_begin();
	for (int n = 0; n < STEPS_MAX && !program_is_over(); n++)
		steps_play(troubled);
	steps_end();
	assert(vaultuse_is_back());
	return 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* Root adds every key and signs with it, in ssh-agent mode. */
	static const uint8_t once[] = { 0x27, 0, 0,
		0, 0, 0, 2, 0, 0, 0, 0,  0, 0, 2, 2, 0, 0, 0,
		0, 0, 2, 3, 0, 0, 0,  0, 0, 1, 2, 2, 0,
		0, 0, 1, 3, 2, 2, 0,  0, 0, 1, 3, 4, 2, 0,
		0, 0, 1, 3, 0, 2, 0,  0, 0, 10, 1 };

	(void)argc;
	(void)argv;
	tell_init();
	stage_init();
	hosts_init();
	keys_init();
	secrets_init();
	(void)LLVMFuzzerTestOneInput(once, sizeof(once));
	vaultuse_keep();
	fault_subject(true);
	return 0;
}
