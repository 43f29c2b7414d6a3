#include "provision/doctor.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Room for a text, all of which may have to be escaped. */
#define ROOM	(4 * DOCTOR_TEXT_MAX + 4)

static const char *const links[DOCTOR_N_LINKS] = DOCTOR_LINKS;

static const struct {
	const char	*name;
	const char	*shown;
	const char	*colour;
} verdicts[] = {
	[DOCTOR_OK] = { "ok", "ok", "\033[32m" },
	[DOCTOR_WARN] = { "warn", "warn", "\033[33m" },
	[DOCTOR_BAD] = { "bad", "BAD", "\033[1;31m" },
	[DOCTOR_SKIPPED] = { "skipped", "-", "\033[2m" },
};

/* --- findings ------------------------------------------------------------ */

/* A copy of a text that is safe to print; NULL without memory. */
static char *
safe(const char *s)
{
	size_t len = strnlen(s, DOCTOR_TEXT_MAX), n;
	bool cut = s[len] != '\0';
	char *room = malloc(ROOM), *p;
	const char *slash;
	struct text t;

	if (room == NULL)
		return NULL;
	/* Cut at the end of a character, where it is one. */
	for (int i = 0; cut && i < 3 && len > 0 &&
	    ((uint8_t)s[len] & 0xc0) == 0x80; i++)
		len--;
	text_init(&t, room, ROOM);
	while (len > 0) {
		slash = memchr(s, '\\', len);
		n = slash != NULL ? (size_t)(slash - s) : len;
		text_escape(&t, s, n);
		if (slash != NULL) {
			text_addc(&t, '\\');
			n++;
		}
		s += n;
		len -= n;
	}
	if (cut)
		text_add(&t, "...");
	p = realloc(room, t.len + 1);
	return p != NULL ? p : room;
}

static bool
is_link(const char *link)
{
	for (size_t i = 0; i < DOCTOR_N_LINKS; i++)
		if (strcmp(links[i], link) == 0)
			return true;
	return false;
}

void
doctor_find(struct doctor *d, const char *link, enum doctor_verdict v,
    const char *mend, const char *fmt, ...)
{
	struct doctor_finding *f;
	char what[2 * DOCTOR_TEXT_MAX];
	va_list ap;

	assert(is_link(link));
	if (d->finding == NULL)
		d->finding = calloc(DOCTOR_FINDINGS_MAX, sizeof(*d->finding));
	if (d->finding == NULL) {
		d->failed = true;
		return;
	}
	if (d->n == DOCTOR_FINDINGS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	f = &d->finding[d->n];
	if (d->n + 1 == DOCTOR_FINDINGS_MAX) {
		/* What is left out may be bad. */
		v = DOCTOR_BAD;
		mend = NULL;
		(void)snprintf(what, sizeof(what), "there is more than can "
		    "be told: mend some of it and look again");
	}
	*f = (struct doctor_finding){ .link = link, .verdict = v,
		.what = safe(what),
		.mend = mend != NULL ? safe(mend) : NULL };
	if (f->what == NULL || (mend != NULL && f->mend == NULL)) {
		free(f->what);
		free(f->mend);
		d->failed = true;
		return;
	}
	d->n++;
}

enum doctor_verdict
doctor_worst(const struct doctor *d, const char *link)
{
	static const int weight[] = { [DOCTOR_SKIPPED] = 0, [DOCTOR_OK] = 1,
		[DOCTOR_WARN] = 2, [DOCTOR_BAD] = 3 };
	enum doctor_verdict worst = DOCTOR_SKIPPED;

	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->finding[i].link, link) == 0 &&
		    weight[d->finding[i].verdict] > weight[worst])
			worst = d->finding[i].verdict;
	return worst;
}

enum session_code
doctor_code(const struct doctor *d)
{
	if (d->unreached)
		return SESSION_UNREACHABLE;
	if (d->failed)
		return SESSION_FAILED;
	for (size_t i = 0; i < d->n; i++)
		if (d->finding[i].verdict == DOCTOR_BAD)
			return SESSION_FAILED;
	return SESSION_DONE;
}

void
doctor_fini(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->finding[i].what);
		free(d->finding[i].mend);
	}
	free(d->finding);
	d->finding = NULL;
	d->n = 0;
}

/* --- for people ---------------------------------------------------------- */

static void
print_finding(const struct doctor_finding *f, FILE *out, bool colour)
{
	bool on = colour && f->verdict != DOCTOR_SKIPPED;

	(void)fprintf(out, "  %s%-4s%s  %-12s  %s\n",
	    on ? verdicts[f->verdict].colour : "",
	    verdicts[f->verdict].shown, on ? "\033[0m" : "", f->link,
	    f->what);
	if (f->mend != NULL)
		(void)fprintf(out, "  %-4s  %-12s  mend: %s\n", "", "",
		    f->mend);
}

/* How many there are of each kind. */
static void
print_sum(const struct doctor *d, FILE *out)
{
	size_t bad = 0, warn = 0;

	for (size_t i = 0; i < d->n; i++) {
		bad += d->finding[i].verdict == DOCTOR_BAD;
		warn += d->finding[i].verdict == DOCTOR_WARN;
	}
	if (d->failed)
		(void)fprintf(out, "  out of memory: this is not all\n");
	if (bad == 0 && warn == 0)
		(void)fprintf(out, "  nothing is wrong\n");
	else
		(void)fprintf(out, "  bad: %zu, warnings: %zu\n", bad, warn);
}

int
doctor_text(const struct doctor *d, size_t n, FILE *out, bool colour)
{
	for (size_t i = 0; i < n; i++) {
		(void)fprintf(out, "%s%s\n", i > 0 ? "\n" : "", d[i].target);
		for (size_t l = 0; l < DOCTOR_N_LINKS; l++)
			for (size_t j = 0; j < d[i].n; j++)
				if (strcmp(d[i].finding[j].link,
				    links[l]) == 0)
					print_finding(&d[i].finding[j], out,
					    colour);
		print_sum(&d[i], out);
	}
	return fflush(out) == 0 && !ferror(out) ? ST_OK : ST_SYSTEM;
}

/* --- for programs -------------------------------------------------------- */

/* A string, or null.  What was cut in the middle of a character is shown as
 * far as it goes. */
static json_t *
string(const char *p)
{
	char room[6 * DOCTOR_TEXT_MAX + 16];
	struct text t;
	json_t *s;

	if (p == NULL)
		return json_null();
	if ((s = json_string(p)) != NULL)
		return s;
	text_init(&t, room, sizeof(room));
	text_escape(&t, p, strlen(p));
	return json_string(room);
}

/* Add a member; what does not fit into memory is seen at the end: the object
 * has then lost what it began with. */
static void
set(json_t *o, const char *name, json_t *value)
{
	if (json_object_set_new(o, name, value) != 0)
		(void)json_object_clear(o);
}

static json_t *
finding_json(const struct doctor_finding *f)
{
	json_t *o = json_object();

	set(o, "link", string(f->link));
	set(o, "verdict", string(verdicts[f->verdict].name));
	set(o, "what", string(f->what));
	set(o, "mend", string(f->mend));
	return o;
}

static json_t *
target_json(const struct doctor *d)
{
	json_t *o = json_object(), *a = json_array();

	for (size_t l = 0; l < DOCTOR_N_LINKS; l++)
		for (size_t j = 0; j < d->n; j++)
			if (strcmp(d->finding[j].link, links[l]) == 0)
				(void)json_array_append_new(a,
				    finding_json(&d->finding[j]));
	set(o, "target", string(d->target));
	set(o, "code", json_integer(doctor_code(d)));
	set(o, "findings", a);
	return o;
}

int
doctor_json(const struct doctor *d, size_t n, enum session_code code,
    FILE *out)
{
	json_t *o = json_object(), *a = json_array();
	int st = ST_OK;

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(a, target_json(&d[i]));
	set(o, "version", json_integer(DOCTOR_VERSION));
	set(o, "command", string("doctor"));
	set(o, "code", json_integer(code));
	set(o, "targets", a);
	if (o == NULL || json_object_get(o, "version") == NULL)
		st = ST_NOMEM;
	else if (json_dumpf(o, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 ||
	    fputc('\n', out) == EOF || fflush(out) != 0)
		st = ST_SYSTEM;
	json_decref(o);
	return st;
}
