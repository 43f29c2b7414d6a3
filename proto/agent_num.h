#ifndef AGENT_NUM_H_
#define AGENT_NUM_H_

/*
 * agent_num - the numbers of the agent protocol.
 *
 * Layer:   proto.
 * Source:  RFC 9987, "Protocol Messages" and "Assigned Numbers"; the two of
 *          SSH protocol 1 that clients still send, from OpenSSH's authfd.h.
 */

/* Requests. */
#define SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES		9	/* SSH 1 */
#define SSH_AGENTC_REQUEST_IDENTITIES			11
#define SSH_AGENTC_SIGN_REQUEST				13
#define SSH_AGENTC_ADD_IDENTITY				17
#define SSH_AGENTC_REMOVE_IDENTITY			18
#define SSH_AGENTC_REMOVE_ALL_IDENTITIES		19
#define SSH_AGENTC_ADD_SMARTCARD_KEY			20
#define SSH_AGENTC_REMOVE_SMARTCARD_KEY			21
#define SSH_AGENTC_LOCK					22
#define SSH_AGENTC_UNLOCK				23
#define SSH_AGENTC_ADD_ID_CONSTRAINED			25
#define SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED	26
#define SSH_AGENTC_EXTENSION				27

/* Replies. */
#define SSH_AGENT_FAILURE				5
#define SSH_AGENT_SUCCESS				6
#define SSH_AGENT_IDENTITIES_ANSWER			12
#define SSH_AGENT_SIGN_RESPONSE				14
#define SSH_AGENT_EXTENSION_FAILURE			28
#define SSH_AGENT_EXTENSION_RESPONSE			29

/* Constraints of an added key. */
#define SSH_AGENT_CONSTRAIN_LIFETIME			1
#define SSH_AGENT_CONSTRAIN_CONFIRM			2
#define SSH_AGENT_CONSTRAIN_EXTENSION			255

/* Flags of a signature request. */
#define SSH_AGENT_RSA_SHA2_256				0x02u
#define SSH_AGENT_RSA_SHA2_512				0x04u

#endif /* !AGENT_NUM_H_ */
