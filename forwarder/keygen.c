/*
 * The file is read as a shell would read it, but nothing in it is run or
 * expanded: what would need that is refused rather than taken literally, so
 * that a shell and we never mean two different sockets.
 */
#include "forwarder/keygen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/ownfile.h"
#include "base/text.h"

/* What a line begins with that is for us. */
#define NAME	"SSH_AUTH_SOCK="

/* What is left of a line. */
struct rest {
	const char	*p;
	const char	*end;
};

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	if (whylen > 0) {
		va_start(ap, fmt);
		(void)vsnprintf(why, whylen, fmt, ap);
		va_end(ap);
	}
	return st;
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Step over blanks; whether there was one. */
static bool
skip_blanks(struct rest *r)
{
	const char *start = r->p;

	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
	return r->p > start;
}

/* Step over ${word} if it is next. */
static bool
skip_word(struct rest *r, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
		return false;
	r->p += len;
	return true;
}

/* What is between quotes, and the one that ends it.  What is wrong, or NULL. */
static const char *
read_quoted(struct rest *r, char quote, struct text *out)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == quote) {
			r->p++;
			return NULL;
		}
		if (quote == '"' && (*r->p == '$' || *r->p == '`'))
			return "would have to be expanded: write the path "
			    "itself";
		/* Before anything else a backslash is one. */
		if (quote == '"' && *r->p == '\\' && r->end - r->p > 1 &&
		    strchr("$`\"\\", r->p[1]) != NULL && r->p[1] != '\0')
			r->p++;
		text_addc(out, *r->p);
	}
	return "has a quote that is not closed";
}

/* One word, parts of which may be quoted.  What is wrong with it, or NULL. */
static const char *
read_word(struct rest *r, struct text *out)
{
	const char *wrong;
	char c;

	while (r->p < r->end && strchr(" \t;", c = *r->p) == NULL) {
		r->p++;
		if (c == '\'' || c == '"') {
			if ((wrong = read_quoted(r, c, out)) != NULL)
				return wrong;
			continue;
		}
		if (c == '\\' && r->p < r->end)
			c = *r->p++;
		else if (strchr("\\$`~*?[#()<>&|", c) != NULL)
			return "has a character that means something to a "
			    "shell: put the path in single quotes";
		text_addc(out, c);
	}
	return NULL;
}

/* Whether nothing follows a value that a shell would run. */
static bool
ends_well(struct rest *r)
{
	if (skip_blanks(r) && r->p < r->end && *r->p == '#')
		return true;
	if (!skip_word(r, ";"))
		return r->p == r->end;
	(void)skip_blanks(r);
	/* As ssh-agent prints it. */
	if (skip_word(r, "export SSH_AUTH_SOCK")) {
		(void)skip_blanks(r);
		(void)skip_word(r, ";");
		(void)skip_blanks(r);
	}
	return r->p == r->end;
}

/* What is wrong with the path of a socket, or NULL. */
static const char *
wrong_path(const char *path, size_t len)
{
	if (path[0] != '/')
		return "is not an absolute path";
	for (size_t i = 0; i < len; i++)
		if (is_control(path[i]))
			return "has a control byte in it";
	return NULL;
}

/* The value in one line, from behind the "=". */
static int
parse_value(struct rest *r, char *out, const char **wrong)
{
	struct text t;

	text_init(&t, out, UNIXSOCK_PATH_MAX);
	for (const char *p = r->p; p < r->end; p++) {
		if (is_control(*p) && *p != '\t') {
			*wrong = *p == '\r' ? "ends in CR LF: let lines end "
			    "in LF alone" : "has a control byte in it";
			return ST_MALFORMED;
		}
	}
	if ((*wrong = read_word(r, &t)) != NULL)
		return ST_MALFORMED;
	if (t.full) {
		*wrong = "is longer than the path of a socket can be";
		return ST_TOO_LARGE;
	}
	if ((*wrong = wrong_path(out, t.len)) != NULL)
		return ST_MALFORMED;
	if (ends_well(r))
		return ST_OK;
	*wrong = "is followed by something else: put the path in single "
	    "quotes";
	return ST_MALFORMED;
}

int
keygen_parse(const char *text, size_t len, char out[static UNIXSOCK_PATH_MAX],
    char *why, size_t whylen)
{
	const char *end = text + len, *next, *wrong;
	struct rest line;
	unsigned n = 0;
	int st = ST_NOT_FOUND;

	out[0] = '\0';
	for (; text < end; text = next) {
		next = memchr(text, '\n', (size_t)(end - text));
		line.p = text;
		line.end = next != NULL ? next : end;
		next = next != NULL ? next + 1 : end;
		n++;
		(void)skip_blanks(&line);
		if (skip_word(&line, "export") && !skip_blanks(&line))
			continue;
		if (!skip_word(&line, NAME))
			continue;
		if ((st = parse_value(&line, out, &wrong)) != ST_OK) {
			out[0] = '\0';
			return fail(st, why, whylen, "line %u: the value of "
			    "SSH_AUTH_SOCK %s", n, wrong);
		}
	}
	if (st == ST_NOT_FOUND)
		(void)fail(st, why, whylen, "line %u: no SSH_AUTH_SOCK", n);
	return st;
}

/* What the file in the home directory says. */
static int
from_file(const char *home, char *out, char *why, size_t whylen)
{
	char given[PATH_MAX], path[PATH_MAX], wrong[256];
	char *text = NULL;
	size_t len;
	int n, st;

	n = snprintf(given, sizeof(given), "%s/%s", home, KEYGEN_FILE);
	if (n < 0 || (size_t)n >= sizeof(given))
		return fail(ST_TOO_LARGE, why, whylen, "the path of the home "
		    "directory is too long");
	st = ownfile_path(given, path, why, whylen);
	if (st == ST_OK)
		st = ownfile_read(path, KEYGEN_FILE_MAX, &text, &len, why,
		    whylen);
	if (st != ST_OK)
		return st;
	st = keygen_parse(text, len, out, wrong, sizeof(wrong));
	free(text);
	if (st == ST_OK || st == ST_NOT_FOUND)
		return st;
	return fail(st, why, whylen, "%s, %s", path, wrong);
}

/* What the variable says. */
static int
from_variable(const char *value, char *out, char *why, size_t whylen)
{
	size_t len = strlen(value);
	const char *wrong;
	int st = ST_OK;

	if ((wrong = wrong_path(value, len)) != NULL)
		st = ST_MALFORMED;
	else if (len >= UNIXSOCK_PATH_MAX) {
		wrong = "is longer than the path of a socket can be";
		st = ST_TOO_LARGE;
	}
	if (st != ST_OK)
		return fail(st, why, whylen, "the value of " KEYGEN_VARIABLE
		    " %s: set it to the path of the agent's socket, or unset "
		    "it", wrong);
	memcpy(out, value, len + 1);
	return ST_OK;
}

int
keygen_socket(const struct keygen_places *places,
    char out[static UNIXSOCK_PATH_MAX], char *why, size_t whylen)
{
	struct stat sb;
	int st;

	out[0] = '\0';
	if (places->variable != NULL && places->variable[0] != '\0')
		return from_variable(places->variable, out, why, whylen);
	if (places->home != NULL) {
		st = from_file(places->home, out, why, whylen);
		if (st != ST_NOT_FOUND)
			return st;
	}
	if (lstat(places->socket, &sb) != 0 || !S_ISSOCK(sb.st_mode) ||
	    strlen(places->socket) >= UNIXSOCK_PATH_MAX)
		return fail(ST_NOT_FOUND, why, whylen, "%s is no socket",
		    places->socket);
	memcpy(out, places->socket, strlen(places->socket) + 1);
	return ST_OK;
}

/* Whether ${program} is what runs here: it would run itself for ever. */
static bool
is_ourselves(const char *program)
{
	struct stat self, other;

	return stat("/proc/self/exe", &self) == 0 &&
	    stat(program, &other) == 0 && self.st_dev == other.st_dev &&
	    self.st_ino == other.st_ino;
}

int
keygen_run(const char *program, char **argv, char *why, size_t whylen)
{
	char *alone[] = { NULL, NULL };
	char *name;
	int err;

	if (is_ourselves(program))
		return fail(KEYGEN_EXIT_CANNOT, why, whylen, "%s is this "
		    "program itself: put OpenSSH's there", program);
	/* A kernel before 5.18 lets programs be run without any argument. */
	if (argv[0] == NULL)
		argv = alone;
	if ((name = strdup(program)) == NULL)
		return fail(KEYGEN_EXIT_CANNOT, why, whylen, "out of memory");
	argv[0] = name;
	(void)execv(program, argv);
	err = errno;
	free(name);
	argv[0] = NULL;
	if (err == ENOENT || err == ENOTDIR)
		return fail(KEYGEN_EXIT_MISSING, why, whylen, "there is no "
		    "%s: install OpenSSH's client programs (Debian: "
		    "openssh-client; Alpine: openssh-keygen)", program);
	return fail(KEYGEN_EXIT_CANNOT, why, whylen, "cannot run %s: %s",
	    program, strerrordesc_np(err));
}
