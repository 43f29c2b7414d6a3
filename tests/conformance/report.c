#include "conformance/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX	8
#define LINE_MAX_	512

static const struct requirement *const lists[] = { requirements_frames,
	requirements_keys, requirements_sign, requirements_constraints,
	requirements_extensions, requirements_binds, requirements_lock,
	requirements_last };

void
report_init(struct report *r, const char *agent, const char *prefix)
{
	const struct requirement *at;

	*r = (struct report){ .agent = agent };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (at = lists[i]; at->id != NULL; at++) {
			if (strncmp(at->id, prefix, strlen(prefix)) != 0)
				continue;
			if (r->n == REQUIREMENTS_MAX)
				die("too many requirements");
			r->results[r->n++].requirement = at;
		}
}

void
report_run(struct report *r, struct probe *p)
{
	for (size_t i = 0; i < r->n; i++) {
		struct result *at = &r->results[i];

		at->verdict = probe_check(p, at->requirement);
		memcpy(at->seen, p->seen, sizeof(at->seen));
		/* The agent's words may be in it. */
		for (char *s = at->seen; *s != '\0'; s++)
			if (*s < ' ' || *s > '~' || *s == '|' || *s == '"' ||
			    *s == '\\' || *s == '<')
				*s = '?';
	}
}

const char *
verdict_name(enum verdict v)
{
	static const char *const names[VERDICTS] = { "pass", "fail",
		"not offered", "skipped" };

	return names[v];
}

const char *
verdict_word(enum verdict v)
{
	return v == VERDICT_NOT_OFFERED ? "not-offered" : verdict_name(v);
}

const char *
level_name(enum level level)
{
	static const char *const names[] = { "must", "should", "practice" };

	return names[level];
}

/* How many had a verdict. */
static size_t
count(const struct report *r, enum verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->results[i].verdict == v;
	return n;
}

size_t
report_failed(const struct report *r, enum level level)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->results[i].verdict == VERDICT_FAIL &&
		    r->results[i].requirement->level == level;
	return n;
}

void
report_print_text(const struct report *r, FILE *f)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct result *at = &r->results[i];

		(void)fprintf(f, "%-11s  %-8s  %-27s  %s (%s)\n",
		    at->verdict == VERDICT_FAIL ? "FAIL" :
		    verdict_name(at->verdict),
		    level_name(at->requirement->level), at->requirement->id,
		    at->requirement->text, at->requirement->source);
		if (at->seen[0] != '\0')
			(void)fprintf(f, "%-11s  %-8s  seen: %s\n", "", "",
			    at->seen);
	}
	(void)fprintf(f, "%s: %zu pass, %zu fail (%zu must, %zu should, "
	    "%zu practice), %zu not offered, %zu skipped\n", r->agent,
	    count(r, VERDICT_PASS), count(r, VERDICT_FAIL),
	    report_failed(r, LEVEL_MUST), report_failed(r, LEVEL_SHOULD),
	    report_failed(r, LEVEL_PRACTICE), count(r, VERDICT_NOT_OFFERED),
	    count(r, VERDICT_SKIPPED));
}

/* Text as JSON has it; there is nothing in it but ASCII. */
static void
put_json(FILE *f, const char *name, const char *text, const char *behind)
{
	(void)fprintf(f, "\"%s\": \"", name);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', f);
		(void)fputc(*text >= ' ' && *text <= '~' ? *text : '?', f);
	}
	(void)fprintf(f, "\"%s", behind);
}

void
report_print_json(const struct report *r, FILE *f)
{
	(void)fprintf(f, "{\n  ");
	put_json(f, "agent", r->agent, ",\n");
	for (unsigned v = 0; v < VERDICTS; v++)
		(void)fprintf(f, "  \"%s\": %zu,\n",
		    verdict_word((enum verdict)v), count(r, (enum verdict)v));
	(void)fprintf(f, "  \"requirements\": [");
	for (size_t i = 0; i < r->n; i++) {
		const struct result *at = &r->results[i];

		(void)fprintf(f, "%s\n    { ", i > 0 ? "," : "");
		put_json(f, "id", at->requirement->id, ", ");
		put_json(f, "source", at->requirement->source, ",\n      ");
		put_json(f, "level", level_name(at->requirement->level), ", ");
		put_json(f, "verdict", verdict_word(at->verdict), ",\n      ");
		put_json(f, "text", at->requirement->text, ",\n      ");
		put_json(f, "seen", at->seen, " }");
	}
	(void)fprintf(f, "\n  ]\n}\n");
}

void
report_print_markdown(const struct report *r, FILE *f)
{
	(void)fprintf(f, "| requirement | source | level | %s | seen |\n"
	    "|---|---|---|---|---|\n", r->agent);
	for (size_t i = 0; i < r->n; i++) {
		const struct result *at = &r->results[i];

		(void)fprintf(f, "| %s | %s | %s | %s | %s |\n",
		    at->requirement->text, at->requirement->source,
		    level_name(at->requirement->level),
		    at->verdict == VERDICT_FAIL ? "**fail**" :
		    verdict_name(at->verdict), at->seen);
	}
}

void
report_print_verdicts(const struct report *r, FILE *f)
{
	for (size_t i = 0; i < r->n; i++)
		(void)fprintf(f, "%s %s%s%s\n", r->results[i].requirement->id,
		    verdict_word(r->results[i].verdict),
		    r->results[i].seen[0] != '\0' ? " " : "",
		    r->results[i].seen);
}

/*
 * Files of verdicts.
 */

struct column {
	const char	*name;
	size_t		 n;
	struct {
		char	 id[64], word[16], seen[256];
	} lines[REQUIREMENTS_MAX];
};

/* The line about a requirement, or n: there is none. */
static size_t
find_line(const struct column *c, const char *id)
{
	size_t i = 0;

	while (i < c->n && strcmp(c->lines[i].id, id) != 0)
		i++;
	return i;
}

/* Whether a word is a verdict, or stands for any. */
static bool
is_verdict(const char *word)
{
	for (unsigned v = 0; v < VERDICTS; v++)
		if (strcmp(word, verdict_word((enum verdict)v)) == 0)
			return true;
	return strcmp(word, "varies") == 0;
}

/* Read one line; what is wrong with it, or NULL. */
static const char *
read_line(struct column *c, const char *line)
{
	size_t i = c->n;

	if (i == REQUIREMENTS_MAX)
		return "is one too many";
	c->lines[i].seen[0] = '\0';
	if (sscanf(line, "%63s %15s %255[^\r\n]", c->lines[i].id,
	    c->lines[i].word, c->lines[i].seen) < 2)
		return "is not ID VERDICT";
	if (!is_verdict(c->lines[i].word))
		return "has no verdict behind its ID";
	if (find_line(c, c->lines[i].id) < i)
		return "is a second one about its requirement";
	c->n++;
	return NULL;
}

/* Read a file; what begins with "#" is for people. */
static void
read_column(struct column *c, const char *path)
{
	char line[LINE_MAX_];
	size_t number = 0;
	const char *wrong = NULL;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		die("%s: %s", path, strerror(errno));
	c->n = 0;
	while (wrong == NULL && fgets(line, sizeof(line), f) != NULL) {
		number++;
		if (line[strcspn(line, "\n")] == '\0' && !feof(f))
			wrong = "is too long, or has a NUL";
		else if (line[0] != '#' && line[strspn(line, "\r\n")] != '\0')
			wrong = read_line(c, line);
	}
	if (wrong != NULL)
		die("%s: line %zu %s; --verdicts prints such a file", path,
		    number, wrong);
	if (ferror(f))
		die("%s: %s", path, strerror(errno));
	(void)fclose(f);
	if (c->n == 0)
		die("%s has no verdicts; --verdicts prints such a file",
		    path);
}

/* Whether it is a requirement, be it one that is checked or not. */
static bool
is_requirement(const char *id)
{
	static struct report all;

	if (all.n == 0)
		report_init(&all, "", "");
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.results[i].requirement->id, id) == 0)
			return true;
	return false;
}

static struct column expected;

void
report_read_expected(const char *path)
{
	read_column(&expected, path);
}

bool
report_expect(const struct report *r, const char *path)
{
	const struct column *c = &expected;
	size_t i, line, unknown = 0;
	bool same = true;

	for (i = 0; i < r->n; i++) {
		const struct result *at = &r->results[i];
		const char *word = "nothing";

		line = find_line(c, at->requirement->id);
		if (line < c->n)
			word = c->lines[line].word;
		if (strcmp(word, "varies") == 0 ||
		    strcmp(word, verdict_word(at->verdict)) == 0)
			continue;
		(void)printf("%s: %s, and %s says %s%s%s\n",
		    at->requirement->id, verdict_name(at->verdict), path,
		    word, at->seen[0] != '\0' ? "; seen: " : "", at->seen);
		same = false;
	}
	for (i = 0; i < c->n; i++)
		unknown += !is_requirement(c->lines[i].id);
	if (unknown > 0) {
		(void)printf("%s has %zu lines about what is not required\n",
		    path, unknown);
		same = false;
	}
	return same;
}

/* What a column says of a requirement; a number where more is said below. */
static void
put_cell(FILE *f, const struct column *c, const char *id)
{
	size_t line = find_line(c, id);
	const char *word;

	if (line == c->n) {
		(void)fprintf(f, " | ");
		return;
	}
	word = c->lines[line].word;
	(void)fprintf(f, " | %s", strcmp(word, "fail") == 0 ? "**fail**" :
	    strcmp(word, "not-offered") == 0 ? "not offered" : word);
}

/* What was seen where an agent did not pass. */
static void
put_seen(FILE *f, const struct column *c)
{
	(void)fprintf(f, "\n%s:\n\n", c->name);
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->lines[i].word, "pass") != 0)
			(void)fprintf(f, "- `%s`: %s\n", c->lines[i].id,
			    c->lines[i].seen);
}

void
report_print_table(char *const *columns, size_t n, FILE *f)
{
	static struct column c[COLUMNS_MAX];
	static struct report r;
	char *eq;

	if (n > COLUMNS_MAX)
		die("more than %d columns", COLUMNS_MAX);
	report_init(&r, "", "");
	for (size_t i = 0; i < n; i++) {
		if ((eq = strchr(columns[i], '=')) == NULL)
			die("not NAME=FILE: %s", columns[i]);
		*eq = '\0';
		c[i].name = columns[i];
		read_column(&c[i], eq + 1);
	}
	(void)fprintf(f, "| | requirement | source | level");
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, " | %s", c[i].name);
	(void)fprintf(f, " |\n|---|---|---|---");
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, "|---");
	(void)fprintf(f, "|\n");
	for (size_t i = 0; i < r.n; i++) {
		const struct requirement *at = r.results[i].requirement;

		(void)fprintf(f, "| `%s` | %s | %s | %s", at->id, at->text,
		    at->source, level_name(at->level));
		for (size_t j = 0; j < n; j++)
			put_cell(f, &c[j], at->id);
		(void)fprintf(f, " |\n");
	}
	(void)fprintf(f, "\nWhat was seen where an agent does not pass:\n");
	for (size_t i = 0; i < n; i++)
		put_seen(f, &c[i]);
}
