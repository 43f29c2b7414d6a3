#ifndef REPORT_H_
#define REPORT_H_

/*
 * report - the requirements, what became of each, and how that is shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "conformance/probe.h"

#define REQUIREMENTS_MAX	128

struct result {
	const struct requirement *requirement;
	enum verdict	 verdict;
	char		 seen[240];
};

struct report {
	const char	*agent;		/* for people */
	size_t		 n;
	struct result	 results[REQUIREMENTS_MAX];
};

/* All requirements whose name begins so, without verdicts. */
void report_init(struct report *r, const char *agent, const char *prefix);

/* Check them. */
void report_run(struct report *r, struct probe *p);

/* "not offered"; and in one word, as files of verdicts have it. */
const char *verdict_name(enum verdict v);
const char *verdict_word(enum verdict v);
const char *level_name(enum level level);

/* For people, for programs, for a page, for --expect. */
void report_print_text(const struct report *r, FILE *f);
void report_print_json(const struct report *r, FILE *f);
void report_print_markdown(const struct report *r, FILE *f);
void report_print_verdicts(const struct report *r, FILE *f);

/* How many requirements of a level failed. */
size_t report_failed(const struct report *r, enum level level);

/* Read a file of verdicts; and compare with it: what differs is printed.
 * "varies" there is anything. */
void report_read_expected(const char *path);
bool report_expect(const struct report *r, const char *path);

/* The files of verdicts as one table in Markdown: "NAME=FILE" each. */
void report_print_table(char *const *columns, size_t n, FILE *f);

#endif /* !REPORT_H_ */
