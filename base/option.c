#include "base/option.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"

/* A name this many edits away is offered as the one that was meant. */
#define NEAR_MAX		2
/* Column in which --help begins to explain. */
#define HELP_COLUMN		28

struct option_label
option_label(const struct option_row *row)
{
	struct option_label l;

	if (row->letter != 0)
		(void)snprintf(l.text, sizeof(l.text), "-%c", row->letter);
	else
		(void)snprintf(l.text, sizeof(l.text), "--%s",
		    row->name != NULL ? row->name : "");
	return l;
}

struct option_shown
option_show(const char *word, size_t len)
{
	struct option_shown s;
	struct text t;

	text_init(&t, s.text, sizeof(s.text));
	text_escape(&t, word, len <= OPTION_NAME_MAX ? len :
	    text_whole(word, OPTION_NAME_MAX));
	return s;
}

/* The bits of commands that a row goes with. */
static unsigned
commands_of(const struct option_row *row)
{
	unsigned bits = row->commands & ~(OPTION_FIRST | OPTION_AGAIN);

	return bits != 0 ? bits : ~0u;
}

/* The bits of commands that there are. */
static unsigned
commands_there(const struct option_table *table)
{
	return table->have != 0 ? table->have : ~0u;
}

/* Whether the row is one of a command that there is. */
static bool
is_there(const struct option_table *table, const struct option_row *row)
{
	return (commands_of(row) & commands_there(table)) != 0;
}

size_t
option_letter(const struct option_table *table, int c)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		if (c != 0 && table->rows[i].letter == c &&
		    is_there(table, &table->rows[i]))
			return i;
	return table->n;
}

/* How far ${len} bytes at ${name} are from ${known}; more than NEAR_MAX: too
 * far. */
static size_t
distance(const char *name, size_t len, const char *known)
{
	size_t d = nearest_edits(name, len, known, strlen(known));

	/* A beginning is nearer than any slip, whatever is missing. */
	return strncmp(name, known, len) == 0 ? 0 : d;
}

/* The nearest long name among the rows of some commands. */
static const char *
nearest_of(const struct option_table *table, unsigned commands,
    const char *name, size_t len)
{
	const char *found = NULL;
	size_t best = NEAR_MAX + 1;
	size_t i, d;

	if (len < 3 || len > OPTION_NAME_MAX)
		return NULL;
	for (i = 0; i < table->n; i++) {
		if (table->rows[i].name == NULL ||
		    (commands_of(&table->rows[i]) & commands) == 0)
			continue;
		d = distance(name, len, table->rows[i].name);
		if (d < best) {
			best = d;
			found = table->rows[i].name;
		}
	}
	return found;
}

const char *
option_nearest(const struct option_table *table, const char *name, size_t len)
{
	return nearest_of(table, commands_there(table), name, len);
}

/* One option with its explanation. */
static void
print_row(FILE *f, const struct option_row *r)
{
	const char *line = r->help;
	int col;

	if (r->letter != 0)
		col = fprintf(f, "  -%c%s", r->letter,
		    r->name != NULL ? ", " : "");
	else
		col = fprintf(f, "      ");
	if (r->name != NULL)
		col += fprintf(f, "--%s", r->name);
	if (r->arg != NULL)
		col += fprintf(f, " %s", r->arg);

	if (col >= HELP_COLUMN - 1) {
		(void)fputc('\n', f);
		col = 0;
	}
	while (line != NULL) {
		const char *end = strchr(line, '\n');
		int len = (int)(end != NULL ? (size_t)(end - line) :
		    strlen(line));

		(void)fprintf(f, "%*s%.*s\n", HELP_COLUMN - col, "", len,
		    line);
		col = 0;
		line = end != NULL ? end + 1 : NULL;
	}
}

/* The rows of some commands, in their groups. */
static void
print_rows(FILE *f, const struct option_table *table, unsigned commands)
{
	const struct option_row *row;
	bool titled;
	unsigned g;
	size_t i;

	for (g = 0; g < table->groups; g++) {
		titled = false;
		for (i = 0; i < table->n; i++) {
			row = &table->rows[i];
			if (row->group != g ||
			    (commands_of(row) & commands) == 0)
				continue;
			if (!titled)
				(void)fprintf(f, "\n%s:\n", table->titles[g]);
			titled = true;
			print_row(f, row);
		}
	}
}

/* A line for each command. */
static void
print_commands(FILE *f, const struct option_table *table)
{
	if (table->n_commands > 0)
		(void)fprintf(f, "\nCommands:\n");
	for (size_t i = 0; i < table->n_commands; i++)
		if ((commands_there(table) & 1u << i) != 0)
			(void)fprintf(f, "  %-10s%s\n",
			    table->commands[i].name, table->commands[i].help);
}

/* The end of what was printed into memory. */
static char *
close_text(FILE *f, char **text)
{
	bool bad = ferror(f) != 0;

	if (fclose(f) == 0 && !bad)
		return *text;
	free(*text);
	return NULL;
}

char *
option_usage(const struct option_table *table)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if ((f = open_memstream(&text, &len)) == NULL)
		return NULL;
	(void)fputs(table->head, f);
	print_commands(f, table);
	print_rows(f, table, commands_there(table));
	return close_text(f, &text);
}

char *
option_usage_command(const struct option_table *table, size_t command)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if ((f = open_memstream(&text, &len)) == NULL)
		return NULL;
	(void)fputs(table->commands[command].head, f);
	print_rows(f, table, 1u << command);
	return close_text(f, &text);
}

char *
option_usage_commands(const struct option_table *table)
{
	char *text = NULL;
	size_t len = 0;
	size_t i;
	FILE *f;

	if ((f = open_memstream(&text, &len)) == NULL)
		return NULL;
	(void)fputs(table->head, f);
	print_commands(f, table);
	(void)fprintf(f, "\nWith any of them:\n");
	for (i = 0; i < table->n; i++)
		if ((table->rows[i].commands & OPTION_FIRST) != 0)
			print_row(f, &table->rows[i]);
	return close_text(f, &text);
}

/* The row whose long name is ${len} bytes at ${name}. */
static size_t
find_name(const struct option_table *table, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		if (table->rows[i].name != NULL &&
		    strlen(table->rows[i].name) == len &&
		    memcmp(table->rows[i].name, name, len) == 0 &&
		    is_there(table, &table->rows[i]))
			break;
	return i;
}

/* The word behind, as the argument of ${row}. */
static int
next_word(struct option_walk *w, const struct option_row *row,
    const char **arg, char *why, size_t whylen)
{
	if (w->at >= w->argc) {
		(void)snprintf(why, whylen, "%s needs %s", w->typed.text,
		    row->arg);
		return ST_MALFORMED;
	}
	*arg = w->argv[w->at++];
	return ST_OK;
}

/* Refuse ${len} bytes behind one dash or two. */
static int
unknown(const struct option_walk *w, const char *dashes, const char *word,
    size_t len, char *why, size_t whylen)
{
	const struct option_table *t = w->table;
	const char *near = NULL;

	if (w->command < t->n_commands)
		near = nearest_of(t, 1u << w->command, word, len);
	if (near == NULL)
		near = option_nearest(t, word, len);
	if (near != NULL)
		(void)snprintf(why, whylen,
		    "unknown option %s%s; did you mean --%s?", dashes,
		    option_show(word, len).text, near);
	else
		(void)snprintf(why, whylen,
		    "unknown option %s%s; see --help", dashes,
		    option_show(word, len).text);
	return ST_MALFORMED;
}

/* --name, --name=ARG or --name ARG, without the dashes. */
static int
next_long(struct option_walk *w, const char *word, size_t *out,
    const char **arg, char *why, size_t whylen)
{
	size_t len = strcspn(word, "=");
	size_t i = find_name(w->table, word, len);
	const struct option_row *row = &w->table->rows[i];

	if (i == w->table->n)
		return unknown(w, "--", word, len, why, whylen);
	*out = i;
	(void)snprintf(w->typed.text, sizeof(w->typed.text), "--%s",
	    row->name);
	if (row->arg == NULL && word[len] != '\0') {
		(void)snprintf(why, whylen, "%s takes no value",
		    w->typed.text);
		return ST_MALFORMED;
	}
	if (row->arg == NULL)
		return ST_OK;
	if (word[len] == '\0')
		return next_word(w, row, arg, why, whylen);
	*arg = word + len + 1;
	return ST_OK;
}

/* Refuse the letter in ${word}: it may be a long name with a dash too few. */
static int
unknown_letter(const struct option_walk *w, const char *word, char *why,
    size_t whylen)
{
	size_t len = strcspn(word + 1, "=");

	if (w->in == 1 && find_name(w->table, word + 1, len) < w->table->n)
		return unknown(w, "-", word + 1, len, why, whylen);
	return unknown(w, "-", word + w->in, 1, why, whylen);
}

int
option_next(struct option_walk *w, size_t *out, const char **arg, char *why,
    size_t whylen)
{
	const struct option_row *row;
	const char *word;
	size_t i;

	*arg = NULL;
	if (w->in == 0) {
		if (w->at >= w->argc)
			return ST_CLOSED;
		word = w->argv[w->at];
		if (word[0] != '-' || word[1] == '\0')
			return ST_CLOSED;
		if (word[1] == '-') {
			w->at++;
			if (word[2] == '\0')
				return ST_CLOSED;
			return next_long(w, word + 2, out, arg, why, whylen);
		}
		w->in = 1;
	}
	word = w->argv[w->at];
	i = option_letter(w->table, word[w->in]);
	if (i == w->table->n)
		return unknown_letter(w, word, why, whylen);
	*out = i;
	row = &w->table->rows[i];
	(void)snprintf(w->typed.text, sizeof(w->typed.text), "-%c",
	    row->letter);
	w->in++;
	if (row->arg == NULL) {
		if (word[w->in] == '\0') {
			w->in = 0;
			w->at++;
		}
		return ST_OK;
	}
	w->at++;
	word += w->in;
	w->in = 0;
	if (*word == '\0')
		return next_word(w, row, arg, why, whylen);
	*arg = word;
	return ST_OK;
}

/* --- whole command lines -------------------------------------------------- */

/* "load, watch and remove": those of ${commands} that there are. */
static void
add_commands(struct text *t, const struct option_table *table,
    unsigned commands)
{
	size_t n = 0, left = 0;

	commands &= commands_there(table);
	for (size_t i = 0; i < table->n_commands; i++)
		left += commands >> i & 1;
	for (size_t i = 0; i < table->n_commands; i++) {
		if ((commands >> i & 1) == 0)
			continue;
		left--;
		if (n++ > 0)
			text_add(t, left > 0 ? ", " : " and ");
		text_add(t, table->commands[i].name);
	}
}

/* The command of ${line} has no use for that option. */
static int
misplaced(const struct option_line *line, size_t row, char *why, size_t whylen)
{
	const struct option_table *table = line->table;
	struct text t;

	text_init(&t, why, whylen);
	text_addf(&t, "%s goes with ", line->given[row].text);
	add_commands(&t, table, commands_of(&table->rows[row]));
	text_addf(&t, ", not with %s", table->commands[line->command].name);
	return ST_MALFORMED;
}

static bool
goes_with(const struct option_line *line, size_t row)
{
	return (commands_of(&line->table->rows[row]) & 1u << line->command) !=
	    0;
}

/* Options, up to the first word that is none; "--" is left there. */
static int
line_options(struct option_line *line, struct option_walk *w, char *why,
    size_t whylen)
{
	const struct option_table *table = line->table;
	const char *arg;
	size_t id;
	int st;

	for (;;) {
		if (w->in == 0 && w->at < w->argc &&
		    strcmp(w->argv[w->at], "--") == 0)
			return ST_OK;
		st = option_next(w, &id, &arg, why, whylen);
		if (st == ST_CLOSED)
			return ST_OK;
		if (st != ST_OK)
			return st;
		if (line->given[id].text[0] != '\0' &&
		    (table->rows[id].commands & OPTION_AGAIN) == 0) {
			(void)snprintf(why, whylen, "%s is given twice",
			    w->typed.text);
			return ST_MALFORMED;
		}
		line->given[id] = w->typed;
		if (line->command < table->n_commands && !goes_with(line, id))
			return misplaced(line, id, why, whylen);
		st = line->take(line, id, arg, why, whylen);
		if (st != ST_OK)
			return st;
	}
}

/* The word that was meant for a command, or NULL. */
static const char *
nearest_command(const struct option_table *table, const char *word)
{
	const char *found = NULL;
	size_t best = NEAR_MAX + 1;
	size_t len = strlen(word);

	if (len < 3 || len > OPTION_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < table->n_commands; i++) {
		size_t d;

		if ((commands_there(table) & 1u << i) == 0)
			continue;
		d = distance(word, len, table->commands[i].name);
		if (d < best) {
			best = d;
			found = table->commands[i].name;
		}
	}
	return found;
}

/* Refuse a word that is no command. */
static int
unknown_command(const struct option_table *table, const char *word, char *why,
    size_t whylen)
{
	const char *near = nearest_command(table, word);
	struct text t;

	text_init(&t, why, whylen);
	text_addf(&t, "unknown command %s; ",
	    option_show(word, strlen(word)).text);
	if (near != NULL) {
		text_addf(&t, "did you mean %s?", near);
	} else {
		text_add(&t, "there are ");
		add_commands(&t, table, ~0u);
	}
	return ST_MALFORMED;
}

/* The word that says what to do. */
static int
line_command(struct option_line *line, struct option_walk *w, char *why,
    size_t whylen)
{
	const struct option_table *table = line->table;
	const char *word;
	size_t i;

	if (w->at < w->argc && strcmp(w->argv[w->at], "--") == 0)
		w->at++;
	if (w->at >= w->argc) {
		(void)snprintf(why, whylen, "say what to do: %s",
		    table->example);
		return ST_MALFORMED;
	}
	word = w->argv[w->at++];
	for (i = 0; i < table->n_commands; i++)
		if ((commands_there(table) & 1u << i) != 0 &&
		    strcmp(table->commands[i].name, word) == 0)
			break;
	if (i == table->n_commands)
		return unknown_command(table, word, why, whylen);
	line->command = w->command = i;
	return ST_OK;
}

/* What was given in front of the command must mean something there. */
static int
check_front(const struct option_line *line, char *why, size_t whylen)
{
	const struct option_table *table = line->table;

	for (size_t i = 0; i < table->n; i++) {
		if (line->given[i].text[0] == '\0')
			continue;
		if (!goes_with(line, i))
			return misplaced(line, i, why, whylen);
		if ((table->rows[i].commands & OPTION_FIRST) != 0)
			continue;
		(void)snprintf(why, whylen, "%s goes behind %s",
		    line->given[i].text, table->commands[line->command].name);
		return ST_MALFORMED;
	}
	return ST_OK;
}

/* Options and words behind the command. */
static int
line_words(struct option_line *line, struct option_walk *w, char *why,
    size_t whylen)
{
	bool all = false;
	int st;

	line->words = w->argv + w->at;
	for (;;) {
		if (!all) {
			st = line_options(line, w, why, whylen);
			if (st != ST_OK)
				return st;
		}
		if (w->at == w->argc)
			return ST_OK;
		if (!all && strcmp(w->argv[w->at], "--") == 0) {
			all = true;
		} else {
			line->words[line->n_words++] = w->argv[w->at];
			all = all || !line->mixed;
		}
		w->at++;
	}
}

int
option_line_parse(struct option_line *line, char *why, size_t whylen)
{
	const struct option_table *table = line->table;
	struct option_walk w = { .table = table, .argc = line->argc,
		.argv = line->argv, .at = 1, .command = table->n_commands };
	int st;

	assert(table->n <= OPTION_ROWS_MAX && table->n_commands > 0);
	why[0] = '\0';
	line->command = table->n_commands;
	line->words = NULL;
	line->n_words = 0;
	memset(line->given, 0, sizeof(line->given));
	if ((st = line_options(line, &w, why, whylen)) != ST_OK ||
	    (st = line_command(line, &w, why, whylen)) != ST_OK ||
	    (st = check_front(line, why, whylen)) != ST_OK)
		return st;
	return line_words(line, &w, why, whylen);
}

struct option_label
option_said(const struct option_line *line, size_t row)
{
	const struct option_row *r = &line->table->rows[row];
	struct option_label l = line->given[row];

	if (l.text[0] == '\0' && r->name != NULL)
		(void)snprintf(l.text, sizeof(l.text), "--%s", r->name);
	else if (l.text[0] == '\0')
		l = option_label(r);
	return l;
}
