#include "agent/reason.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	const char	*code;
	const char	*rule;
	const char	*text;
	const char	*remedy;
} table[REASONS] = {
	[REASON_NONE] = { "none", NULL, "allowed", NULL },

	/* Of the peer. */
	[REASON_POLICY] = { "policy", "policy",
	    "policy does not allow it",
	    "allow it by --allow PEER=OPS or a line of the policy file, "
	    "if this peer is to do that" },
	[REASON_NOT_NAMED] = { "not-named", "policy",
	    "no rule names it",
	    "name the peer by --allow PEER=OPS or in the policy file, "
	    "if it is to be served" },
	[REASON_PASSED_DESCRIPTOR] = { "passed-descriptor", NULL,
	    "sent by another uid than the one that connected",
	    "find out which program passes its connection to the agent "
	    "on to others; each must connect by itself" },
	[REASON_FORWARDED_CHANGE] = { "forwarded", "forwarded",
	    "a change over a forwarded connection",
	    "make changes from here, or allow them to far hosts by "
	    "--forwarded=allow" },
	[REASON_FORWARDED_SIGNATURE] = { "forwarded", "forwarded",
	    "more than a login over a forwarded connection",
	    "sign commits from here, or allow it to far hosts by "
	    "--forwarded=allow" },
	[REASON_FORWARDED_TELLING] = { "forwarded", "forwarded",
	    "status or refusals over a forwarded connection",
	    "ask from here, or allow it to far hosts by "
	    "--forwarded=allow" },
	[REASON_LIMIT_CONNECTIONS] = { "limit-connections",
	    "limit connections",
	    "too many connections",
	    "look for a program that does not close its connections, or "
	    "raise --limit connections=N" },
	[REASON_LIMIT_CONNECTIONS_UID] = { "limit-connections-uid",
	    "limit connections-uid",
	    "too many connections of this uid",
	    "look for a program that does not close its connections, or "
	    "raise --limit connections-uid=N" },
	[REASON_LIMIT_BYTES] = { "limit-bytes",
	    "limit bytes-uid",
	    "more bytes kept for this uid than it may have",
	    "look for a program that does not read its replies, or "
	    "raise --limit bytes-uid=N" },
	[REASON_LIMIT_FRAME_TIME] = { "limit-frame-time",
	    "limit frame-time",
	    "a request was begun and not finished in time",
	    "look for a program that stops in the middle of a request, "
	    "or raise --limit frame-time=MS" },
	[REASON_LIMIT_UNREAD_TIME] = { "limit-unread-time",
	    "limit unread-time",
	    "replies were not read in time",
	    "look for a program that does not read its replies, or "
	    "raise --limit unread-time=MS" },
	[REASON_LIMIT_INTAKE] = { "limit-intake", NULL,
	    "there is no room for an unfinished request with a secret",
	    "try again: one such request of a uid is taken at a time" },

	/* Of the request. */
	[REASON_BROKEN] = { "broken", NULL,
	    "a broken request",
	    NULL },
	[REASON_UNSUPPORTED] = { "unsupported", NULL,
	    "a message or key type that is not served",
	    NULL },
	[REASON_UNKNOWN_EXTENSION] = { "unknown-extension", NULL,
	    "an extension that is not known",
	    NULL },
	[REASON_LOCKED] = { "locked", "lock",
	    "the agent is locked",
	    "unlock it: ssh-add -X, by a peer who may" },
	[REASON_LOCKED_ALREADY] = { "locked-already", "lock",
	    "locked already",
	    NULL },
	[REASON_NOT_LOCKED] = { "not-locked", "lock",
	    "not locked",
	    NULL },
	[REASON_WRONG_PASSPHRASE] = { "wrong-passphrase", "lock",
	    "wrong passphrase, or tried too soon",
	    NULL },
	[REASON_EMPTY_PASSPHRASE] = { "empty-passphrase", "lock",
	    "an empty passphrase",
	    "choose a passphrase that is not empty" },
	[REASON_NO_SUCH_KEY] = { "no-such-key", NULL,
	    "no such key",
	    "load the key, or take it out of the client's configuration" },
	[REASON_BAD_KEY] = { "bad-key", NULL,
	    "not a key that this agent can hold",
	    "make the key anew: ssh-keygen -t ed25519" },
	[REASON_CONSTRAINT] = { "constraint", NULL,
	    "a constraint that this agent does not enforce",
	    "add the key without that constraint" },
	[REASON_CONSTRAINT_BROKEN] = { "constraint-broken", NULL,
	    "broken constraints",
	    NULL },
	[REASON_CONSTRAINT_PEER] = { "constraint-peer", NULL,
	    "a peer of the key that does not exist here",
	    "create the user or group first, or give its number" },
	[REASON_PROVIDER] = { "provider", "providers",
	    "an authenticator's library that is not in the allowed "
	    "places",
	    NULL },
	[REASON_PROVIDER_KIND] = { "provider", "providers",
	    "an authenticator's library for a key that is not of one",
	    NULL },
	[REASON_PROVIDER_BOUND] = { "provider", "providers",
	    "an authenticator's library over a bound connection",
	    NULL },
	[REASON_AUTHENTICATOR] = { "authenticator", NULL,
	    "the key is in an authenticator, which is not here",
	    "use a key that is not in an authenticator" },
	[REASON_LEGACY_RSA] = { "legacy-rsa", "legacy-rsa",
	    "SHA-1 RSA signatures need --legacy-rsa",
	    "use a client that knows rsa-sha2-256 or an Ed25519 key; or "
	    "start the agent with --legacy-rsa" },
	[REASON_SIGN_FLAGS] = { "sign-flags", NULL,
	    "signature flags that are not known",
	    NULL },
	[REASON_LOAD] = { "load", NULL,
	    "the load was refused",
	    "the loader has been told why" },
	[REASON_LOAD_BROKEN] = { "load", NULL,
	    "a broken load request",
	    NULL },
	[REASON_LOAD_NOT_BEGUN] = { "load", NULL,
	    "no load was begun on this connection",
	    NULL },

	/* Of the key's rules. */
	[REASON_NOT_VISIBLE] = { "not-visible", "peers",
	    "the key is for other peers",
	    "load the key with a --peers that names this one, if it is "
	    "to use it" },
	[REASON_PURPOSE_AUTH] = { "purpose-auth", "purposes",
	    "the purposes of the key do not include auth",
	    "load the key with --purpose auth as well, if it is to log "
	    "in" },
	[REASON_PURPOSE_NAMESPACE] = { "purpose-namespace", "purposes",
	    "the purposes of the key do not include that namespace",
	    "load the key with a --purpose that names the namespace, if "
	    "it is to sign such things" },
	[REASON_PURPOSE_DEFAULT] = { "purpose-namespace", "purposes",
	    "only logins and the namespace git, unless the key was "
	    "added for other purposes",
	    "load the key with a --purpose that names the namespace, if "
	    "it is to sign such things" },
	[REASON_UNCLASSIFIED] = { "unclassified", "purposes",
	    "neither a login with this key nor an SSHSIG, and the key "
	    "was not added for any purpose",
	    "find out what program asks for that; only a key with "
	    "--purpose any signs it" },
	[REASON_OTHER_KEY] = { "other-key", "destinations",
	    "a login with another key, and this one has destinations",
	    NULL },
	[REASON_DESTINATION] = { "destination", "destinations",
	    "the destinations do not lead to this host",
	    "add the key with this host among its destinations (ssh-add "
	    "-h), if it is to log in there" },
	[REASON_DESTINATION_USER] = { "destination-user", "destinations",
	    "the destinations are for other users",
	    "log in as one of those users, or add the key with this one "
	    "(ssh-add -h user@host)" },
	[REASON_DESTINATION_UNBOUND_USER] = { "destination-user",
	    "destinations",
	    "the destinations of the key do not name that user",
	    "log in as one of those users, or add the key with this one "
	    "(ssh-add -h user@host)" },
	[REASON_DESTINATION_SSHSIG] = { "destination-sshsig", "destinations",
	    "a key with destinations signs nothing but logins",
	    "give the key a --purpose beside its destinations, or sign "
	    "with another key" },
	[REASON_DESTINATION_BEYOND] = { "destination-beyond", "destinations",
	    "the destinations do not lead beyond this host",
	    "add the key with a way on from this host (ssh-add -h "
	    "\"a>b\")" },
	[REASON_DESTINATION_NO_LOGIN] = { "destination", "destinations",
	    "the data is no request to log in",
	    NULL },
	[REASON_UNBOUND] = { "unbound", "destinations",
	    "the connection is not bound",
	    "use OpenSSH 8.9 or later: other clients do not tell the "
	    "agent which host they speak to" },
	[REASON_BIND_FAILED] = { "bind-failed", "destinations",
	    "no bind of this connection was good",
	    NULL },
	[REASON_BIND_GAP] = { "bind-gap", "destinations",
	    "a bind failed: another host may be on the way",
	    NULL },
	[REASON_BOUND_FORWARDING] = { "bound-forwarding", "destinations",
	    "the connection is bound for forwarding, not to log in",
	    NULL },
	[REASON_BIND_NOT_LAST] = { "bind-not-last", "destinations",
	    "a bind for authentication is not the last one",
	    NULL },
	[REASON_OTHER_SESSION] = { "other-session", "destinations",
	    "the request is for another session",
	    NULL },
	[REASON_OTHER_HOST] = { "other-host", "destinations",
	    "the request is for another host key",
	    NULL },
	[REASON_NO_HOST_KEY] = { "no-host-key", "destinations",
	    "the request names no host key, on a forwarded connection",
	    NULL },
	[REASON_USER_TOO_LONG] = { "user-too-long", "destinations",
	    "the user name is too long",
	    NULL },
	[REASON_HOST_CERT_BROKEN] = { "host-certificate", "destinations",
	    "the host's certificate is broken",
	    "have the host's certificate made anew" },
	[REASON_HOST_CERT_USER] = { "host-certificate", "destinations",
	    "the host's certificate is one for users",
	    "have the host's certificate made anew" },
	[REASON_HOST_CERT_EARLY] = { "host-certificate", "destinations",
	    "the host's certificate is not valid yet",
	    "compare the clocks" },
	[REASON_HOST_CERT_LATE] = { "host-certificate", "destinations",
	    "the host's certificate has expired",
	    "have the host's certificate made anew" },
	[REASON_HOST_CERT_NO_NAMES] = { "host-certificate", "destinations",
	    "the host's certificate names no host",
	    "have the host's certificate made anew" },
	[REASON_HOST_CERT_OPTIONS] = { "host-certificate", "destinations",
	    "the host's certificate has critical options",
	    "have the host's certificate made anew" },
	[REASON_HOST_CERT_ALGORITHM] = { "host-certificate", "destinations",
	    "the host's certificate is signed with an algorithm that is "
	    "not allowed",
	    "have the host's certificate made anew" },
	[REASON_SIGNATURES] = { "max-signatures", "max-signatures",
	    "the key has made all the signatures that it was added for",
	    "load the key anew, or with a greater --max-signatures" },
	[REASON_RATE] = { "rate", "rate",
	    "the key has made as many signatures lately as its rate "
	    "allows",
	    "wait, or load the key with a greater --rate" },

	/* Of a bind. */
	[REASON_BIND_BROKEN] = { "bind-broken", NULL,
	    "a broken bind",
	    NULL },
	[REASON_BIND_SIGNATURE] = { "bind-signature", NULL,
	    "the host's signature in a bind does not hold",
	    "find out who speaks in the name of that host" },
	[REASON_BIND_AFTER_AUTH] = { "bind-after-auth", NULL,
	    "the connection is bound to an authentication",
	    NULL },
	[REASON_BIND_SESSION_REUSED] = { "bind-session", NULL,
	    "the session id is bound to another host key",
	    NULL },
	[REASON_BIND_TOO_MANY] = { "bind-too-many", NULL,
	    "too many binds of one connection",
	    NULL },
	[REASON_BIND_TOO_LARGE] = { "bind-too-large", NULL,
	    "too large host keys of one connection",
	    NULL },
	[REASON_BIND_ID_TOO_LONG] = { "bind-too-long", NULL,
	    "the session id is too long",
	    NULL },

	/* Of a confirmation. */
	[REASON_NO_APPROVER] = { "no-approver", "confirm",
	    "the key needs a confirmation and there is nobody to ask",
	    "have an approver connected, or load the key without "
	    "confirmation" },
	[REASON_APPROVER_NO] = { "approver-no", "confirm",
	    "nobody said yes to the use of the key",
	    NULL },
	[REASON_APPROVER_LATE] = { "approver-late", "confirm",
	    "nobody answered in time",
	    "answer sooner, or raise --limit question-time=MS" },
	[REASON_QUESTIONS] = { "limit-questions",
	    "limit questions-uid",
	    "too many questions of this uid wait for an answer",
	    "answer them, or raise --limit questions-uid=N" },
	[REASON_NO_QUESTION] = { "no-question", NULL,
	    "there is no such question, or not any more",
	    NULL },

	/* It was well when it began. */
	[REASON_MEANWHILE_LOCKED] = { "meanwhile-locked", "lock",
	    "the agent was locked meanwhile",
	    "unlock it and try again" },
	[REASON_MEANWHILE_REMOVED] = { "meanwhile-removed", NULL,
	    "the key was taken away meanwhile",
	    NULL },
	[REASON_MEANWHILE_REPLACED] = { "meanwhile-replaced", NULL,
	    "the key was replaced meanwhile",
	    "try again" },

	/* Ours. */
	[REASON_LISTING_FULL] = { "listing-full", NULL,
	    "more keys than OpenSSH's clients can read",
	    "remove keys that are not needed" },
	[REASON_MEMORY_LOCKED] = { "memory-locked", NULL,
	    "no room left in locked memory",
	    "remove keys, or start the agent with a greater "
	    "--memory-size" },
	[REASON_MEMORY] = { "memory", NULL,
	    "out of memory",
	    "give the container more memory" },
	[REASON_CRYPTO] = { "crypto", NULL,
	    "the crypto library failed",
	    NULL },
	[REASON_RELOAD] = { "reload", "policy",
	    "the policy file cannot be used; the old rules stay",
	    "mend the file (bottle-agent --check-policy FILE) and send "
	    "SIGHUP again" },
};

const char *
reason_code(enum reason r)
{
	assert(r < REASONS);
	return table[r].code;
}

const char *
reason_text(enum reason r)
{
	assert(r < REASONS);
	return table[r].text;
}

const char *
reason_rule(enum reason r)
{
	assert(r < REASONS);
	return table[r].rule;
}

const char *
reason_remedy(enum reason r)
{
	assert(r < REASONS);
	return table[r].remedy;
}
