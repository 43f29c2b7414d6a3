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

/* Most rows of a table that option_line_parse() reads. */
#define OPTION_ROWS_MAX	64

/* Beside the bits of commands in a row: the option may stand in front of the
 * command, too; it may be given more than once. */
#define OPTION_FIRST	(1u << 30)
#define OPTION_AGAIN	(1u << 31)

struct option_row {
	char		 letter;	/* 0: none */
	const char	*name;		/* NULL: none */
	const char	*arg;		/* what --help calls it; NULL: takes none */
	unsigned	 group;		/* of titles below */
	unsigned	 commands;	/* bits of those it goes with; no bit: all */
	const char	*help;		/* lines, without the last newline */
};

/* What the first word of a command line can be. */
struct option_command {
	const char	*name;
	const char	*help;		/* one line */
	const char	*head;		/* "usage: ...\n" of its own --help */
};

struct option_table {
	const struct option_row	*rows;
	size_t			 n;
	const char		*head;		/* "usage: ...\n" */
	const char *const	*titles;	/* of the groups */
	size_t			 groups;
	/* Where there are commands; number i is bit i of a row. */
	const struct option_command *commands;
	size_t			 n_commands;
	unsigned		 have;		/* bits of commands that there
						 * are; 0: all */
	const char		*example;	/* of a command line */
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
 * What --help prints: the commands, and all options.  The caller frees it;
 * NULL when out of memory.
 */
char *option_usage(const struct option_table *table);

/**
 * option_usage_command(table, command):
 * The same for one command: its own head, and the options that go with it.
 */
char *option_usage_command(const struct option_table *table, size_t command);

/**
 * option_usage_commands(table):
 * The same for a program of many commands: a line for each of them, and the
 * options that may stand in front of any.
 */
char *option_usage_commands(const struct option_table *table);

/* A walk over the words of a command line; set up by the caller. */
struct option_walk {
	const struct option_table	*table;
	int				 argc;
	char				**argv;
	int				 at;	/* the next word: begin with 1 */
	size_t				 in;	/* within a word like -vh, or 0 */
	/* Names of this command's options are offered first for a misspelt
	 * one; it counts where the table has commands. */
	size_t				 command;
	struct option_label		 typed;	/* the last one, as it stands
						 * there: -f or --file */
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

/* A whole command line: PROGRAM [OPTION ...] COMMAND [OPTION | WORD ...].  The
 * caller sets what is above the blank line. */
struct option_line {
	const struct option_table *table;
	int		  argc;
	char		**argv;
	bool		  mixed;	/* options may stand behind words */
	/* Take one option.  ST_CLOSED ends the parse: --help, --version. */
	int		(*take)(struct option_line *line, size_t row,
			    const char *arg, char *why, size_t whylen);
	void		 *cookie;

	size_t		  command;	/* table->n_commands: none so far */
	char		**words;	/* behind the command */
	size_t		  n_words;
	/* By row: as it was typed; empty if it was not given. */
	struct option_label given[OPTION_ROWS_MAX];
};

/**
 * option_line_parse(line, why, whylen):
 * An option may be given once, unless its row has OPTION_AGAIN, and with the
 * commands of its row; in front of the command only with OPTION_FIRST.  Words
 * are all that is behind the command and no option; behind "--" all is a word.
 * With ${line}->mixed words are moved in argv, so that they end up one behind
 * the other.
 *
 * Errors: ST_CLOSED     take() ended it
 *         ST_MALFORMED  ${why} holds one line that says what to do; what is
 *                       known of ${line} is set
 */
int option_line_parse(struct option_line *line, char *why, size_t whylen)
    MUST_USE;

/**
 * option_said(line, row):
 * An option as it was typed, or its name where it was not given.
 */
struct option_label option_said(const struct option_line *line, size_t row);

#endif /* !OPTION_H_ */
