#include "provision/doctor_facts.h"

#include <stdlib.h>
#include <string.h>

/* Last line of a script that came to its end. */
#define END_KEY		"end"

/* Add what is in a line, if it is a fact. */
static void
take_line(struct doctor_facts *f, char *line, size_t len)
{
	static const char mark[] = DOCTOR_FACTS_MARK;
	size_t marklen = sizeof(mark) - 1;
	char *key, *value;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len <= marklen || len > DOCTOR_FACTS_LINE_MAX ||
	    f->n == DOCTOR_FACTS_MAX || memcmp(line, mark, marklen) != 0 ||
	    memchr(line, '\0', len) != NULL)
		return;
	line[len] = '\0';
	key = line + marklen;
	value = strchr(key, ' ');
	if (value != NULL)
		*value++ = '\0';
	else
		value = line + len;
	if (key[0] == '\0')
		return;
	if (strcmp(key, END_KEY) == 0)
		f->whole = true;
	f->fact[f->n++] = (struct doctor_fact){ key, value };
}

int
doctor_facts_parse(struct slice text, struct doctor_facts *out)
{
	char *p, *end, *nl;

	*out = (struct doctor_facts){ .n = 0 };
	if (text.len > DOCTOR_FACTS_BYTES_MAX)
		text.len = DOCTOR_FACTS_BYTES_MAX;
	out->mem = malloc(text.len + 1);
	out->fact = calloc(DOCTOR_FACTS_MAX, sizeof(*out->fact));
	if (out->mem == NULL || out->fact == NULL) {
		doctor_facts_fini(out);
		return ST_NOMEM;
	}
	if (text.len > 0)
		memcpy(out->mem, text.p, text.len);
	end = out->mem + text.len;
	for (p = out->mem; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		take_line(out, p, (size_t)(nl - p));
	}
	return ST_OK;
}

void
doctor_facts_fini(struct doctor_facts *f)
{
	free(f->fact);
	free(f->mem);
	*f = (struct doctor_facts){ .n = 0 };
}

const char *
doctor_facts_next(const struct doctor_facts *f, const char *key, size_t *at)
{
	while (*at < f->n)
		if (strcmp(f->fact[(*at)++].key, key) == 0)
			return f->fact[*at - 1].value;
	return NULL;
}

const char *
doctor_facts_get(const struct doctor_facts *f, const char *key)
{
	size_t at = 0;

	return doctor_facts_next(f, key, &at);
}

bool
doctor_facts_word(const char **p, char *out, size_t cap)
{
	const char *s = *p + strspn(*p, " ");
	size_t n = strcspn(s, " ");

	if (n == 0 || n >= cap)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	*p = s + n + strspn(s + n, " ");
	return true;
}

bool
doctor_facts_number(const char **p, uint32_t *out)
{
	char word[16];
	uint64_t v = 0;

	if (!doctor_facts_word(p, word, sizeof(word)))
		return false;
	for (const char *s = word; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = 10 * v + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)v;
	return true;
}

bool
doctor_facts_ls(const char *value, struct doctor_ls *out)
{
	char mode[16], links[32];
	const char *path, *arrow;
	size_t n;

	if (!doctor_facts_word(&value, mode, sizeof(mode)) ||
	    strlen(mode) < 10 ||
	    !doctor_facts_word(&value, links, sizeof(links)) ||
	    !doctor_facts_number(&value, &out->uid) ||
	    !doctor_facts_number(&value, &out->gid) ||
	    (path = strstr(value, " /")) == NULL)
		return false;
	path++;
	/* Whoever has an arrow in a name has a shorter one here. */
	arrow = mode[0] == 'l' ? strstr(path, " -> ") : NULL;
	n = arrow != NULL ? (size_t)(arrow - path) : strlen(path);
	if (n >= sizeof(out->path))
		return false;
	memcpy(out->mode, mode, 10);
	out->mode[10] = '\0';
	memcpy(out->path, path, n);
	out->path[n] = '\0';
	return true;
}

unsigned
doctor_ls_mode(const struct doctor_ls *ls)
{
	unsigned mode = 0;

	for (size_t i = 1; i < 10; i++) {
		mode <<= 1;
		/* Capital letters: set-id or sticky without the x. */
		if (strchr("rwxst", ls->mode[i]) != NULL &&
		    ls->mode[i] != '\0')
			mode |= 1;
	}
	return mode;
}
