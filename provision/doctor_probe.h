#ifndef DOCTOR_PROBE_H_
#define DOCTOR_PROBE_H_

/*
 * doctor_probe - what doctor_net.sh says of one host, taken apart: the way
 * there, what bottle-forward --check says of it, and what ssh -v says up to the
 * moment it is let in, or is not.
 *
 * Layer:   provision.  No I/O.
 * Source:  forwarder/bottle-forward.1; OpenSSH's sshconnect.c, sshconnect2.c,
 *          clientloop.c and packet.c, of 9.2 and what others say alike.
 *
 * All of it is a stranger's, and cut to what is shown.  A host can say what it
 * likes in a banner, lines of ssh's among it: that makes the words about that
 * host wrong, and nothing else.
 */

#include "provision/doctor.h"
#include "provision/doctor_facts.h"

#define DOCTOR_PROBE_TEXT_MAX	512
/* "SHA256:" and 43 letters, and a NUL. */
#define DOCTOR_PROBE_PRINT_MAX	52
/* Most keys that are told of. */
#define DOCTOR_PROBE_KEYS_MAX	8

enum doctor_way {
	DOCTOR_WAY_UNKNOWN,	/* ssh -G said nothing that could be tried */
	DOCTOR_WAY_PROXY,	/* bottle-forward */
	DOCTOR_WAY_DIRECT,	/* no proxy; bottle-forward looked */
	DOCTOR_WAY_UNSEEN,	/* no proxy, and no bottle-forward to look */
	DOCTOR_WAY_OTHER,	/* somebody else's ProxyCommand or ProxyJump */
};

/* What ssh makes of the key that the host shows. */
enum doctor_hostkey {
	DOCTOR_HOSTKEY_NONE,	/* it has shown none */
	DOCTOR_HOSTKEY_SHOWN,	/* it has, and nothing is said of it */
	DOCTOR_HOSTKEY_KNOWN,
	DOCTOR_HOSTKEY_UNKNOWN,
	DOCTOR_HOSTKEY_CHANGED,
	DOCTOR_HOSTKEY_REVOKED,
};

enum doctor_login {
	DOCTOR_LOGIN_NONE,	/* nothing that says why it ended */
	DOCTOR_LOGIN_IN,
	DOCTOR_LOGIN_DENIED,
	DOCTOR_LOGIN_TOO_MANY,
	DOCTOR_LOGIN_NO_COMMON,	/* no algorithm that both know */
	DOCTOR_LOGIN_CLOSED,
	DOCTOR_LOGIN_CONFIG,	/* ssh does not take its configuration */
};

struct doctor_offer {
	char		 print[DOCTOR_PROBE_PRINT_MAX];	/* fingerprint */
	char		 file[DOCTOR_PROBE_TEXT_MAX];	/* or comment */
	bool		 agent;		/* the agent has it */
};

struct doctor_probe {
	const char	*host;		/* as the user types it */
	char		 to[DOCTOR_PROBE_TEXT_MAX];	/* HostName */
	uint32_t	 port;
	char		 user[DOCTOR_PROBE_TEXT_MAX];
	bool		 strict;	/* unknown host keys are refused */
	bool		 done;		/* all of it was looked at */

	enum doctor_way	 way;
	char		 other[DOCTOR_PROBE_TEXT_MAX];
	bool		 checked;
	uint32_t	 check;		/* exit status of bottle-forward */
	char		 proxy[DOCTOR_PROBE_TEXT_MAX];	/* its URL */
	char		 wrong[DOCTOR_PROBE_TEXT_MAX];	/* its error, and what
							 * the proxy says */
	char		 advice[DOCTOR_PROBE_TEXT_MAX];

	bool		 greeted;	/* an SSH server answered ssh */
	enum doctor_hostkey hostkey;
	char		 shown_type[64];
	char		 shown[DOCTOR_PROBE_PRINT_MAX];
	char		 known[DOCTOR_PROBE_TEXT_MAX];	/* its name in known
							 * hosts */
	char		 pin[DOCTOR_PROBE_KEYS_MAX][DOCTOR_PROBE_PRINT_MAX];
	size_t		 n_pins;

	enum doctor_login login;
	struct doctor_offer offer[DOCTOR_PROBE_KEYS_MAX];
	size_t		 n_offers;
	char		 accepted[DOCTOR_PROBE_PRINT_MAX];	/* the last
								 * one */
	bool		 refused;	/* the agent did not sign with it */
	bool		 no_agent;	/* ssh could not ask it */
	char		 method[64];	/* of LOGIN_IN */
	char		 last[DOCTOR_PROBE_TEXT_MAX];	/* what tells most of
							 * why it ended */
};

/**
 * doctor_probe(facts, host, out):
 * Take apart what is said of ${host}, which is borrowed.
 */
void doctor_probe(const struct doctor_facts *facts, const char *host,
    struct doctor_probe *out);

#endif /* !DOCTOR_PROBE_H_ */
