#ifndef OPTION_H_
#define OPTION_H_

/*
 * option - the options of a program as a table that its parser, its --help and
 * its messages read.
 *
 * Layer:   base.
 *
 * Long options are written in full: a script that says --mem must not break on
 * the day that a second option begins like that.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Longest long name, and what a misspelt one is cut at in a message. */
#define OPTION_NAME_MAX	32

struct option_row {
	char		 letter;	/* 0: none */
	const char	*name;		/* NULL: none */
	const char	*arg;		/* what --help calls it; NULL: takes none */
	unsigned	 group;		/* of titles below */
	unsigned	 commands;	/* the program's own */
	const char	*help;		/* lines, without the last newline */
};

struct option_table {
	const struct option_row	*rows;
	size_t			 n;
	const char		*head;		/* "usage: ...\n" */
	const char *const	*titles;	/* of the groups */
	size_t			 groups;
};

/* An option as messages call it: "-a" or "--public". */
struct option_label {
	char	 text[OPTION_NAME_MAX + 3];
};

/* A word of somebody's, safe to print and cut. */
struct option_shown {
	char	 text[4 * OPTION_NAME_MAX + 1];
};

/**
 * option_label(row):
 * What to call an option: its letter where it has one.
 */
struct option_label option_label(const struct option_row *row);

/**
 * option_show(word, len):
 * ${len} bytes of somebody's.
 */
struct option_shown option_show(const char *word, size_t len);

/**
 * option_letter(table, c):
 * The row with that letter; ${table}->n when there is none.
 */
size_t option_letter(const struct option_table *table, int c);

/**
 * option_nearest(table, name, len):
 * The long name that was most likely meant by ${len} bytes at ${name}, or
 * NULL.
 */
const char *option_nearest(const struct option_table *table, const char *name,
    size_t len);

/**
 * option_usage(table):
 * What --help prints.  The caller frees it; NULL when out of memory.
 */
char *option_usage(const struct option_table *table);

/* A walk over the words of a command line; set up by the caller. */
struct option_walk {
	const struct option_table	*table;
	int				 argc;
	char				**argv;
	int				 at;	/* the next word: begin with 1 */
	size_t				 in;	/* within a word like -vh, or 0 */
};

/**
 * option_next(walk, row, arg, why, whylen):
 * The next option, as the index of its row, and its argument or NULL.
 * Letters combine, "-xARG", "-x ARG", "--name=ARG" and "--name ARG" are the
 * forms of an argument; options end at the first word that is none, or behind
 * "--".
 *
 * Errors: ST_CLOSED     no more: ${walk}->at is the first word that is none
 *         ST_MALFORMED  ${why} holds one line that says what to do
 */
int option_next(struct option_walk *walk, size_t *row, const char **arg,
    char *why, size_t whylen) MUST_USE;

#endif /* !OPTION_H_ */
