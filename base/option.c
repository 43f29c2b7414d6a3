#include "base/option.h"

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
		(void)snprintf(l.text, sizeof(l.text), "--%s", row->name);
	return l;
}

struct option_shown
option_show(const char *word, size_t len)
{
	struct option_shown s;
	struct text t;

	text_init(&t, s.text, sizeof(s.text));
	text_escape(&t, word, len < OPTION_NAME_MAX ? len : OPTION_NAME_MAX);
	return s;
}

size_t
option_letter(const struct option_table *table, int c)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		if (c != 0 && table->rows[i].letter == c)
			return i;
	return table->n;
}

const char *
option_nearest(const struct option_table *table, const char *name, size_t len)
{
	const char *found = NULL;
	size_t best = NEAR_MAX + 1;
	size_t i, d;

	if (len < 3 || len > OPTION_NAME_MAX)
		return NULL;
	for (i = 0; i < table->n; i++) {
		if (table->rows[i].name == NULL)
			continue;
		/* A beginning counts as near, whatever is missing. */
		d = nearest_edits(name, len, table->rows[i].name,
		    strlen(table->rows[i].name));
		if (d > 1 && strncmp(name, table->rows[i].name, len) == 0)
			d = 1;
		if (d < best) {
			best = d;
			found = table->rows[i].name;
		}
	}
	return found;
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

	if (col >= HELP_COLUMN) {
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

char *
option_usage(const struct option_table *table)
{
	char *text = NULL;
	size_t len = 0;
	unsigned g;
	size_t i;
	bool bad;
	FILE *f;

	if ((f = open_memstream(&text, &len)) == NULL)
		return NULL;
	(void)fputs(table->head, f);
	for (g = 0; g < table->groups; g++) {
		(void)fprintf(f, "\n%s:\n", table->titles[g]);
		for (i = 0; i < table->n; i++)
			if (table->rows[i].group == g)
				print_row(f, &table->rows[i]);
	}
	bad = ferror(f) != 0;
	if (fclose(f) != 0 || bad) {
		free(text);
		return NULL;
	}
	return text;
}

/* The row whose long name is ${len} bytes at ${name}. */
static size_t
find_name(const struct option_table *table, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		if (table->rows[i].name != NULL &&
		    strlen(table->rows[i].name) == len &&
		    memcmp(table->rows[i].name, name, len) == 0)
			break;
	return i;
}

/* The word behind, as the argument of ${row}. */
static int
next_word(struct option_walk *w, const struct option_row *row,
    const char **arg, char *why, size_t whylen)
{
	if (w->at >= w->argc) {
		(void)snprintf(why, whylen, "%s needs %s",
		    option_label(row).text, row->arg);
		return ST_MALFORMED;
	}
	*arg = w->argv[w->at++];
	return ST_OK;
}

/* --name, --name=ARG or --name ARG, without the dashes. */
static int
next_long(struct option_walk *w, const char *word, size_t *out,
    const char **arg, char *why, size_t whylen)
{
	size_t len = strcspn(word, "=");
	size_t i = find_name(w->table, word, len);
	const struct option_row *row = &w->table->rows[i];
	const char *near;

	if (i == w->table->n) {
		near = option_nearest(w->table, word, len);
		if (near != NULL)
			(void)snprintf(why, whylen,
			    "unknown option --%s; did you mean --%s?",
			    option_show(word, len).text, near);
		else
			(void)snprintf(why, whylen,
			    "unknown option --%s; see --help",
			    option_show(word, len).text);
		return ST_MALFORMED;
	}
	*out = i;
	if (row->arg == NULL && word[len] != '\0') {
		(void)snprintf(why, whylen, "--%s takes no value", row->name);
		return ST_MALFORMED;
	}
	if (row->arg == NULL)
		return ST_OK;
	if (word[len] == '\0')
		return next_word(w, row, arg, why, whylen);
	*arg = word + len + 1;
	return ST_OK;
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
	if (i == w->table->n) {
		(void)snprintf(why, whylen, "unknown option -%s; see --help",
		    option_show(word + w->in, 1).text);
		return ST_MALFORMED;
	}
	*out = i;
	row = &w->table->rows[i];
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
