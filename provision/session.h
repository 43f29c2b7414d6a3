#ifndef SESSION_H_
#define SESSION_H_

/*
 * session - one load into one target: keys to the agent, files to the user's
 * home, at the same time, and all of it or nothing.
 *
 * Layer:   provision.
 * Source:  docs/PROTOCOL.md sections 7 and 12.
 *
 * Two programs run in the target side by side: the loading process as root and
 * the placing process as the user.  When both have said that what they got is
 * staged, the files are switched, then the keys committed, then the earlier
 * files taken away.  Whatever fails before that ends both, and each of them
 * undoes what it did.  A placing process that was lost after it was asked to
 * switch did not: then another one does it, or, if the keys are in force, makes
 * the files final (see settle.h).
 *
 * In a pod each of the two runs in a container of its own, as whoever that is,
 * for kubectl cannot be told.  There the placing process says first who the
 * user is, and the rules of an agent that is started are for that uid; nothing
 * is loaded for root, or by a loading process of the same uid, since the agent
 * would let the user do everything.  It is what the two say that counts: that
 * is a guard against a pod that was put together wrongly, see SECURITY.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/clientconf.h"
#include "provision/payload.h"
#include "provision/target.h"

/* As bottle-agent's: see its man page. */
enum session_code {
	SESSION_DONE = 0,
	SESSION_FAILED = 1,
	SESSION_USAGE = 2,
	SESSION_DENIED = 3,
	SESSION_MEMORY = 4,
	SESSION_UNREACHABLE = 5,
};

#define SESSION_WHY_MAX		1024
#define SESSION_ADVICE_MAX	4096
#define SESSION_KEYS_MAX	2048

struct fleet_line;

struct session_how {
	const struct target	*target;
	const struct payload	*payload;
	struct clientconf_how	 files;		/* bin: where the target says
						 * our programs are */
	const char		*account;	/* user there; kubectl: NULL,
						 * whoever it is */
	const char		*home;		/* of the user; NULL: his own */
	const char		*bin;		/* of our programs; NULL: look */
	const char		*path;		/* our PATH, for the engine */
	int64_t			 time_ms;	/* for each step */
	bool			 verbose;
	const char		*name;		/* of the target, in messages */
	struct fleet_line	*line;		/* is told what is done; NULL:
						 * nobody is */
};

/* What there is to mend before another try. */
enum session_lack {
	SESSION_LACKS_NOTHING,
	SESSION_LACKS_USER,	/* no such user there */
	SESSION_LACKS_PROGRAMS,	/* they are missing or cannot be run */
	SESSION_LACKS_VERSION,	/* they are older than we are */
};

struct session_result {
	enum session_code code;
	enum session_lack lack;
	char		 why[SESSION_WHY_MAX];	/* one line, safe to print */
	char		 advice[SESSION_ADVICE_MAX];	/* likewise, lines; or
						 * empty */
	char		**key;		/* "TYPE FINGERPRINT COMMENT", safe to
					 * print: in force now */
	size_t		 n_keys;
	size_t		 item;		/* of the bundle that it is about; 0 */
	char		 uid[16];	/* who the user is, as the placing
					 * process says; or empty */
};

/**
 * session_run(how, out):
 * Do it.  Nothing is said, but what the loading process warns of in a load that
 * is done, and with ${how}->verbose.  It is given up when fleet_stopping() says
 * so, unless the commit was asked for: then it is seen to its end.
 *
 * Owns:   session_result_fini() releases ${out}.
 */
void session_run(const struct session_how *how, struct session_result *out);
void session_result_fini(struct session_result *out);

#endif /* !SESSION_H_ */
