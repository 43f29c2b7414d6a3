#ifndef DIFFERENCES_H_
#define DIFFERENCES_H_

/*
 * differences - the table of where we differ from OpenSSH on purpose.
 *
 * A row names one request and both answers to it.  In a sequence it explains a
 * difference only if its predicate, over the request and what is known of the
 * connection, and both answers fit.  What would drive the agents apart beyond
 * the one answer ends the connection or the sequence, so that nothing that
 * follows from it must be explained.  Rows that are avoided explain nothing:
 * such requests are left out of sequences.
 *
 * Every row has a case of its own which shows it: a row for something that
 * does not differ any more is an error.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "differential/bench.h"

struct exchange {
	const struct bench	*bench;
	unsigned		 conn;
	struct slice		 request;
	struct answer		 theirs, mine;
};

/* What to do after a difference. */
enum after {
	AFTER_NOTHING,		/* the agents are still in the same state */
	AFTER_CONNECTION,	/* the connections are not: open new ones */
	AFTER_SEQUENCE,		/* the agents are not */
};

/* Answers of rows, besides codes. */
#define ROW_CLOSED	0	/* the connection ends */

struct difference {
	const char	*name;
	const char	*request;	/* these four in Markdown */
	const char	*theirs_text;
	const char	*mine_text;
	const char	*reason;
	unsigned	 since, until;	/* versions of OpenSSH; 0: all */
	bool		 strict;	/* shown by an agent without SHA-1 */
	bool		 avoided;
	bool		 silent;	/* the answer is the same, or is that of
					 * another row: only what follows
					 * differs */
	bool		 at_random;	/* what OpenSSH answers later depends on
					 * chance */
	enum after	 after;
	/* Whether it is this request; NULL: only the case of its own can be */
	bool		(*is)(const struct exchange *x);
	uint8_t		 theirs, mine;	/* codes of the answers */
	bool		(*mine_is)(const struct exchange *x);	/* or NULL */
	/* Whether both agents do what the row says. */
	bool		(*shows)(struct bench *b, const struct difference *d);
};

extern const struct difference differences[];
extern const size_t n_differences;
extern uint64_t difference_hits[];

/* Whether the row is about this version of OpenSSH. */
bool difference_applies(const struct difference *d, unsigned version);

/* The row that explains different answers, or NULL. */
const struct difference *difference_find(const struct exchange *x);

/* What to do after a request that was answered alike, or explained. */
enum after difference_after(const struct exchange *x);

/* Whether a request must be left out; where OpenSSH is compared with itself,
 * only one that ends it, or makes it answer by chance. */
bool difference_avoids(const struct exchange *x);

/* Whether the answers are those of the row. */
bool difference_fits(const struct difference *d, const struct exchange *x);

/* Print all rows as a table in Markdown. */
void difference_print_table(void);

#endif /* !DIFFERENCES_H_ */
