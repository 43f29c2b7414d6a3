#include "provision/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/text.h"
#include "provision/child.h"
#include "provision/manifest.h"

/* Enough for some hundreds of keys. */
#define REGION_SIZE	(1024 * 1024)
#define STDIN_NAME	"standard input"

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, whylen, fmt, ap);
	va_end(ap);
	return st;
}

void
gather_warn(struct gather *g, const char *fmt, ...)
{
	char line[LOG_LINE_MAX], safe[LOG_LINE_MAX], **more;
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_init(&t, safe, sizeof(safe));
	text_escape(&t, line, strlen(line));
	log_warn("%s", safe);
	more = realloc(g->warnings, (g->n_warnings + 1) * sizeof(*more));
	if (more == NULL)
		return;
	g->warnings = more;
	if ((more[g->n_warnings] = strdup(safe)) != NULL)
		g->n_warnings++;
}

/* --- the operator --------------------------------------------------------- */

/* ssh goes by the passwd file's home, and so do we. */
static void
find_operator(struct gather_operator *o)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *home = pw != NULL ? pw->pw_dir : getenv("HOME");

	*o = (struct gather_operator){ .path = getenv("PATH") };
	if (home != NULL && home[0] == '/' && strlen(home) < sizeof(o->home))
		(void)snprintf(o->home, sizeof(o->home), "%s", home);
	if (pw != NULL)
		(void)snprintf(o->name, sizeof(o->name), "%s", pw->pw_name);
	if (getcwd(o->folder, sizeof(o->folder)) == NULL)
		o->folder[0] = '\0';
}

int
gather_begin(struct gather *g, const struct provision_options *opts,
    const volatile sig_atomic_t *stop, char *why, size_t whylen)
{
	struct secret_options want = { .size = REGION_SIZE,
		.want = SECRET_AUTO };
	int st;

	*g = (struct gather){ .opts = opts, .stop = stop };
	plan_init(&g->plan);
	find_operator(&g->operator);
	st = secret_open(&g->region, &want, why, whylen);
	if (st == ST_FULL) {
		/* As much as there is. */
		want.size = 0;
		st = secret_open(&g->region, &want, why, whylen);
	}
	return st;
}

/* --- the plan ------------------------------------------------------------- */

/* A file's bytes, which may hold a proxy's password. */
struct bytes {
	char	*p;
	size_t	 len;
};

static void
bytes_fini(struct bytes *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->len);
	free(b->p);
	*b = (struct bytes){ 0 };
}

static int
read_manifest(const char *name, struct bytes *out, char *why, size_t whylen)
{
	bool is_stdin = strcmp(name, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO :
	    open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int st;

	if (fd < 0)
		return fail(errno == ENOENT || errno == ENOTDIR ?
		    ST_NOT_FOUND : ST_UNTRUSTED, why, whylen,
		    "cannot open the manifest %s: %s",
		    name, strerror(errno));
	*out = (struct bytes){ malloc(MANIFEST_MAX + 1), 0 };
	st = out->p == NULL ?
	    fail(ST_NOMEM, why, whylen, "out of memory") :
	    fdio_read_full(fd, out->p, MANIFEST_MAX + 1, &out->len);
	if (st == ST_SYSTEM)
		st = fail(ST_SYSTEM, why, whylen, "cannot read the manifest "
		    "%s: %s", name, strerror(errno));
	else if (st == ST_OK)
		st = fail(ST_TOO_LARGE, why, whylen, "the manifest %s has "
		    "more than %d bytes", name, MANIFEST_MAX);
	else if (st == ST_CLOSED)
		st = ST_OK;
	if (!is_stdin)
		(void)close(fd);
	if (st != ST_OK)
		bytes_fini(out);
	return st;
}

/* The folder that paths in a manifest are relative to. */
static int
folder_of(const struct gather *g, const char *name, char out[static PATH_MAX])
{
	const char *slash = strrchr(name, '/');
	const char *here = g->operator.folder;
	int n;

	if (slash == NULL)
		n = snprintf(out, PATH_MAX, "%s", here);
	else if (name[0] == '/')
		n = snprintf(out, PATH_MAX, "%.*s", slash == name ? 1 :
		    (int)(slash - name), name);
	else
		/* Below nothing it is still no path from the root. */
		n = snprintf(out, PATH_MAX, "%s%s%.*s", here,
		    here[0] != '\0' ? "/" : "", (int)(slash - name), name);
	return n < PATH_MAX ? ST_OK : ST_TOO_LARGE;
}

static int
plan_manifest(struct gather *g, const struct bytes *text, char *why,
    size_t whylen)
{
	const struct provision_options *opts = g->opts;
	const char *name = strcmp(opts->manifest, "-") == 0 ? STDIN_NAME :
	    opts->manifest;
	const struct plan_defaults defaults = { .manifest = name,
		.sign = opts->sign };
	char folder[PATH_MAX];
	const struct manifest_source source = { .name = name,
		.text = text->p, .len = text->len, .bottle = opts->bottle,
		.home = g->operator.home[0] != '\0' ? g->operator.home : NULL,
		.folder = folder };
	struct manifest m = { 0 };
	int st;

	if (folder_of(g, opts->manifest, folder) != ST_OK)
		return fail(ST_TOO_LARGE, why, whylen, "the path of the "
		    "manifest is too long");
	if ((st = manifest_parse(&source, &m, why, whylen)) != ST_OK)
		return st;
	st = plan_add_manifest(&g->plan, &m, &defaults, why, whylen);
	manifest_fini(&m);
	return st;
}

static int
plan_hosts(struct gather *g, char *why, size_t whylen)
{
	const struct plan_defaults defaults = { .sign = g->opts->sign };
	struct hostconf_tools tools;
	int st;

	st = hostconf_find(&tools, g->operator.path, why, whylen);
	if (st != ST_OK)
		return st;
	tools.config = g->opts->ssh_config;
	tools.home = g->operator.home[0] != '\0' ? g->operator.home : NULL;
	for (size_t i = 0; i < g->opts->n_hosts && st == ST_OK; i++)
		st = plan_add_host(&g->plan, &tools, g->opts->hosts[i],
		    g->operator.name, &defaults, why, whylen);
	return st;
}

int
gather_plan(struct gather *g, char *why, size_t whylen)
{
	struct bytes text = { 0 };
	int st;

	why[0] = '\0';
	if (g->opts->manifest == NULL)
		return plan_hosts(g, why, whylen);
	st = read_manifest(g->opts->manifest, &text, why, whylen);
	if (st == ST_OK)
		st = plan_manifest(g, &text, why, whylen);
	bytes_fini(&text);
	return st;
}

/* --- the keys ------------------------------------------------------------- */

/* Where a program of ssh's is, or nothing. */
static const char *
find_program(const struct gather *g, const char *name,
    char out[static PATH_MAX])
{
	if (child_find(name, "/usr/bin", out) == ST_OK ||
	    child_find(name, g->operator.path, out) == ST_OK)
		return out;
	return NULL;
}

/* Every host must have something to log in with. */
static int
check_hosts(const struct gather *g, char *why, size_t whylen)
{
	for (size_t i = 0; i < g->plan.n_hosts; i++)
		if (g->plan.hosts[i].n_key == 0)
			return fail(ST_NOT_FOUND, why, whylen, "%s: none of "
			    "the keys that ssh would use for it is there; "
			    "name one with IdentityFile in ~/.ssh/config",
			    g->plan.hosts[i].where);
	return ST_OK;
}

/* The agent knows a key by its public half: of two files with the same one the
 * rules of the second would be lost. */
static int
check_twice(const struct gather *g, char *why, size_t whylen)
{
	const struct plan_key *k = g->plan.keys;

	for (size_t i = 0; i < g->plan.n_keys; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(k[i].pub, k[j].pub) == 0)
				return fail(ST_MALFORMED, why, whylen,
				    "%s: %s is the same key as %s: name one "
				    "file in both places", k[i].where,
				    k[i].path, k[j].path);
	return ST_OK;
}

/* What is strange about a key. */
static void
warn_lines(struct gather *g, const char *lines)
{
	while (lines[0] != '\0') {
		size_t n = strcspn(lines, "\n");

		gather_warn(g, "%.*s", (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
}

int
gather_keys(struct gather *g, char *why, size_t whylen)
{
	char ssh_add[PATH_MAX];
	const struct keyfile_how how = {
		.region = g->region,
		.prompt = !g->opts->no_prompt,
		.ssh_add = find_program(g, "ssh-add", ssh_add),
		.run_dir = getenv("XDG_RUNTIME_DIR"),
		.stop = g->stop,
	};
	int st;

	g->files = calloc(g->plan.n_keys > 0 ? g->plan.n_keys : 1,
	    sizeof(*g->files));
	if (g->files == NULL)
		return fail(ST_NOMEM, why, whylen, "out of memory");
	for (size_t i = 0; i < g->plan.n_keys;) {
		struct plan_key *k = &g->plan.keys[i];

		st = keyfile_read(&how, k, &g->files[i], why, whylen);
		if (st == ST_NOT_FOUND && k->optional) {
			plan_drop_key(&g->plan, i);
			continue;
		}
		if (st != ST_OK)
			return st;
		warn_lines(g, g->files[i].note);
		g->n_files = ++i;
	}
	st = check_hosts(g, why, whylen);
	return st != ST_OK ? st : check_twice(g, why, whylen);
}

void
gather_end(struct gather *g)
{
	const struct keyfile_how how = { .region = g->region };

	for (size_t i = 0; i < g->n_files; i++)
		keyfile_fini(&how, &g->files[i]);
	free(g->files);
	plan_fini(&g->plan);
	secret_close(g->region);
	for (size_t i = 0; i < g->n_warnings; i++)
		free(g->warnings[i]);
	free(g->warnings);
	*g = (struct gather){ 0 };
}
