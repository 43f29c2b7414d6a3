#ifndef DOCTOR_FACTS_H_
#define DOCTOR_FACTS_H_

/*
 * doctor_facts - what doctor_root.sh and doctor_user.sh say, taken apart.
 *
 * Layer:   provision.  No I/O.
 * Memory:  facts own a copy of the text that they are in.
 *
 * All of it is a stranger's: lines that are no facts are passed over, and so is
 * what comes after a limit.  Values are as they came, without NUL, and are not
 * safe to print.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/wire.h"

/* What each line begins with. */
#define DOCTOR_FACTS_MARK	"bd "
/* Most bytes and lines that are looked at, and the longest line. */
#define DOCTOR_FACTS_BYTES_MAX	(1024 * 1024)
#define DOCTOR_FACTS_MAX	8192
#define DOCTOR_FACTS_LINE_MAX	4096

struct doctor_fact {
	const char	*key;
	const char	*value;		/* perhaps empty */
};

/* Zeroed, there are none. */
struct doctor_facts {
	struct doctor_fact	*fact;
	size_t			 n;
	char			*mem;
	bool			 whole;	/* the script came to its end */
};

/**
 * doctor_facts_parse(text, out):
 * Take them apart.
 *
 * Owns:   doctor_facts_fini() releases ${out}.
 * Errors: ST_NOMEM  ${out} is empty
 */
int doctor_facts_parse(struct slice text, struct doctor_facts *out) MUST_USE;
void doctor_facts_fini(struct doctor_facts *f);

/**
 * doctor_facts_get(f, key):
 * The first value of that key, or NULL.
 */
const char *doctor_facts_get(const struct doctor_facts *f, const char *key);

/**
 * doctor_facts_next(f, key, at):
 * The next value of that key from *${at} on, which is 0 at first; NULL at the
 * end.
 */
const char *doctor_facts_next(const struct doctor_facts *f, const char *key,
    size_t *at);

/**
 * doctor_facts_word(p, out, cap):
 * Take the next word off *${p}; words have one blank or more between them.
 * False at the end, and for one that does not fit.
 */
bool doctor_facts_word(const char **p, char *out, size_t cap);

/**
 * doctor_facts_number(p, out):
 * The same of a decimal number below 2^32.
 */
bool doctor_facts_number(const char **p, uint32_t *out);

/* A line of "ls -ldn". */
struct doctor_ls {
	char		 mode[11];	/* "drwxr-xr-x" */
	uint32_t	 uid, gid;
	char		 path[DOCTOR_FACTS_LINE_MAX];	/* without the link */
};

/**
 * doctor_facts_ls(value, out):
 * Take one apart; the path must be absolute.
 */
bool doctor_facts_ls(const char *value, struct doctor_ls *out);

/**
 * doctor_ls_mode(ls):
 * The lowest nine bits of its mode.
 */
unsigned doctor_ls_mode(const struct doctor_ls *ls);

#endif /* !DOCTOR_FACTS_H_ */
