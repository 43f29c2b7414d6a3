#include "agent/policyfile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ownfile.h"
#include "base/text.h"

/* Bytes of a bad line that a message shows, and the longest message about one
 * but for the name of the file. */
#define SHOWN_MAX	64
#define WHAT_MAX	(4 * SHOWN_MAX + 256)

/* The line that is being looked at, without the blanks around it. */
struct line {
	const char	*p;
	size_t		 len;
	unsigned	 number;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Whether a rule could have these bytes: no blanks, nothing below them.  What
 * is above ASCII is for the account files to know. */
static bool
is_word(const struct line *l)
{
	for (size_t i = 0; i < l->len; i++)
		if ((unsigned char)l->p[i] <= ' ' || l->p[i] == 0x7f)
			return false;
	return true;
}

/* Whether there is a comment on a line that does not begin with it. */
static bool
has_comment(const struct line *l)
{
	for (size_t i = 1; i < l->len; i++)
		if (l->p[i] == '#' && is_blank(l->p[i - 1]))
			return true;
	return false;
}

/* Say that a line is no rule, and show it. */
static void
say_no_rule(const struct line *l, struct text *what)
{
	text_addc(what, '"');
	text_escape(what, l->p, l->len <= SHOWN_MAX ? l->len :
	    text_whole(l->p, SHOWN_MAX));
	text_add(what, l->len > SHOWN_MAX ? "...\"" : "\"");
	if (l->len >= POLICY_RULE_MAX)
		text_addf(what, " is too long: a rule has at most %d bytes",
		    POLICY_RULE_MAX - 1);
	else if (has_comment(l))
		text_add(what, " is no rule: put the comment on a line of "
		    "its own");
	else
		text_add(what, " is no rule: use PEER=OPS, such as "
		    "node=list,sign");
}

/* Take one line; what is wrong with it goes to ${what}. */
static int
take_line(struct policy *p, const struct line *l, struct text *what)
{
	char rule[POLICY_RULE_MAX], why[WHAT_MAX / 2];
	int st;

	if (memchr(l->p, '\0', l->len) != NULL) {
		text_add(what, "there is a NUL byte: this is no text");
		return ST_MALFORMED;
	}
	if (l->len == 0 || l->p[0] == '#')
		return ST_OK;
	if (l->len >= sizeof(rule) || !is_word(l)) {
		say_no_rule(l, what);
		return ST_MALFORMED;
	}
	memcpy(rule, l->p, l->len);
	rule[l->len] = '\0';
	if ((st = policy_add(p, rule, why, sizeof(why))) != ST_OK) {
		text_escape(what, why, strlen(why));
		return st;
	}
	p->rules[p->n - 1].line = l->number;
	return ST_OK;
}

/* Cut the next line off the bytes up to ${end}; where the one after it is. */
static const char *
next_line(const char *at, const char *end, struct line *l)
{
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	const char *next = stop != NULL ? stop + 1 : end;

	if (stop == NULL)
		stop = end;
	while (at < stop && is_blank(*at))
		at++;
	while (stop > at && is_blank(stop[-1]))
		stop--;
	l->p = at;
	l->len = (size_t)(stop - at);
	l->number++;
	return next;
}

/* Tell of a line that is wrong; whether to go on. */
static bool
tell(const char *name, unsigned number, const char *what,
    policyfile_fault *fault, void *cookie)
{
	char why[PATH_MAX + WHAT_MAX];

	(void)snprintf(why, sizeof(why), "%s:%u: %s", name, number, what);
	return fault(cookie, why);
}

int
policyfile_scan(struct policy *p, const char *bytes, size_t len,
    const char *name, policyfile_fault *fault, void *cookie)
{
	const char *end = bytes + len, *at = bytes;
	char room[WHAT_MAX];
	struct line l = { .number = 0 };
	size_t before = p->n;
	struct text what;
	bool go_on = true;
	int st, first = ST_OK;

	while (at < end && go_on && first != ST_FULL) {
		at = next_line(at, end, &l);
		text_init(&what, room, sizeof(room));
		if ((st = take_line(p, &l, &what)) == ST_OK)
			continue;
		if (first == ST_OK || st == ST_FULL)
			first = st;
		go_on = tell(name, l.number, room, fault, cookie);
	}
	if (first == ST_OK && p->n == before) {
		first = ST_MALFORMED;
		(void)tell(name, l.number > 0 ? l.number : 1, "there is no "
		    "rule in this file, and so nobody could use the agent: "
		    "write one such as node=list,sign", fault, cookie);
	}
	return first;
}

/* Where the first message goes. */
struct first {
	char	*why;
	size_t	 whylen;
};

/* Keep it, and look no further. */
static bool
keep_first(void *cookie, const char *why)
{
	const struct first *f = cookie;
	struct text t;

	if (f->whylen > 0) {
		text_init(&t, f->why, f->whylen);
		text_add(&t, why);
	}
	return false;
}

int
policyfile_parse(struct policy *p, const char *bytes, size_t len,
    const char *name, char *why, size_t whylen)
{
	struct first f = { why, whylen };
	size_t before = p->n;
	int st = policyfile_scan(p, bytes, len, name, keep_first, &f);

	if (st != ST_OK)
		p->n = before;
	return st;
}

int
policyfile_read(struct policy *p, const char *path, char *why, size_t whylen)
{
	char *bytes;
	size_t len;
	int st;

	st = ownfile_read(path, POLICYFILE_MAX, &bytes, &len, why, whylen);
	if (st != ST_OK)
		return st;
	st = policyfile_parse(p, bytes, len, path, why, whylen);
	free(bytes);
	return st;
}
