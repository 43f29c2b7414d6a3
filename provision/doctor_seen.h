#ifndef DOCTOR_SEEN_H_
#define DOCTOR_SEEN_H_

/*
 * doctor_seen - all that was gathered in one target, for those who judge it.
 *
 * Layer:   provision.  No I/O.
 *
 * All of it is a stranger's, the engine's own word apart: whoever is root in
 * the target says what he likes.  So what is found tells of mistakes, and is
 * no proof that there are none.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "provision/doctor.h"
#include "provision/doctor_facts.h"

/* Room for a command that mends something. */
#define DOCTOR_MEND_MAX		2048

struct doctor_seen {
	const struct doctor_where *where;
	bool			 has_root;	/* the scripts came to their */
	bool			 has_user;	/* end, as the right user */
	struct doctor_facts	 root, user;
	/* bottle-agent --status --json: the object; or NULL, with the code and
	 * the line that say why. */
	json_t			*status;
	enum session_code	 status_code;
	char			 status_why[SESSION_WHY_MAX];
	json_t			*inspect;	/* the engine's object for the
						 * container; or NULL */
};

/* Who a command is run as. */
enum doctor_as {
	DOCTOR_AS_ROOT,
	DOCTOR_AS_USER,
};

/**
 * doctor_mend(where, as, out, fmt, ...):
 * How to run a command in the target: "docker exec -u 0 web COMMAND".  Whatever
 * is not ours in it must have been through text_shell().  Returns ${out}.
 */
const char *doctor_mend(const struct doctor_where *where, enum doctor_as as,
    char out[static DOCTOR_MEND_MAX], const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* A word that may stand in a command of a shell. */
struct doctor_word {
	char	 text[4 * 256 + 8];
};

/**
 * doctor_word(s):
 * Quote it, and cut it if it is very long.
 */
struct doctor_word doctor_word(const char *s);

/**
 * doctor_seen_fini(seen):
 * May be called twice.
 */
void doctor_seen_fini(struct doctor_seen *seen);

#endif /* !DOCTOR_SEEN_H_ */
