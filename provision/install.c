#include "provision/install.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/errtext.h"
#include "base/ownfile.h"
#include "base/text.h"
#include "keys/digest.h"
#include "provision/child.h"
#include "provision/fleet.h"
#include "provision/install_sh.h"

/* What lines of the script begin with. */
#define MARK		"bottle-install: "
/* Most folders that are tried, and words of the script's own. */
#define BINS_MAX	2
#define WORDS_MAX	(8 + BINS_MAX + 3 * INSTALL_N_PROGRAMS)
/* Longest number as text. */
#define NUMBER_MAX	24
/* Longest name that inspecting has to give: of an image, "sha256:...". */
#define INSPECT_MAX	256

static const char *const names[INSTALL_N_PROGRAMS] = {
	"bottle-agent", "bottle-forward", "bottle-ssh-keygen",
};

/* Processors: as uname calls them, as engines do, and what an ELF file for them
 * has in its head. */
static const struct processor {
	const char	*arch;
	const char	*engine;
	uint8_t		 size;		/* 1: 32 bits, 2: 64 */
	uint8_t		 order;		/* 1: little endian, 2: big */
	uint16_t	 machine;
} processors[] = {
	{ "x86_64", "amd64", 2, 1, 62 },
	{ "aarch64", "arm64", 2, 1, 183 },
	{ "armv7l", "arm", 1, 1, 40 },
	{ "i686", "386", 1, 1, 3 },
	{ "riscv64", "riscv64", 2, 1, 243 },
	{ "ppc64le", "ppc64le", 2, 1, 21 },
	{ "s390x", "s390x", 2, 2, 22 },
};

#define N_PROCESSORS	(sizeof(processors) / sizeof(processors[0]))

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

const char *
install_programs_dir(void)
{
	return INSTALL_PROGRAMS_DIR;
}

/* --- the programs here --------------------------------------------------- */

/* The processor of that name, or NULL. */
static const struct processor *
find_processor(const char *arch)
{
	size_t i;

	for (i = 0; i < N_PROCESSORS; i++)
		if (strcmp(processors[i].arch, arch) == 0)
			return &processors[i];
	return NULL;
}

/* A number of an ELF file. */
static uint64_t
elf_number(const struct processor *cpu, const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[cpu->order == 2 ? i : n - 1 - i];
	return v;
}

/* What is wrong with a program for that processor, or NULL. */
static const char *
elf_wrong(const struct processor *cpu, const uint8_t *p, size_t len)
{
	const bool wide = cpu->size == 2;
	size_t head = wide ? 64 : 52;
	uint64_t at, size, n, i, type;

	if (len < head || memcmp(p, "\177ELF", 4) != 0)
		return "is no program";
	if (p[4] != cpu->size || p[5] != cpu->order ||
	    elf_number(cpu, p + 18, 2) != cpu->machine)
		return "is for another processor";
	type = elf_number(cpu, p + 16, 2);
	at = elf_number(cpu, p + (wide ? 32 : 28), wide ? 8 : 4);
	size = elf_number(cpu, p + (wide ? 54 : 42), 2);
	n = elf_number(cpu, p + (wide ? 56 : 44), 2);
	if ((type != 2 && type != 3) || n == 0 || size < 32 || at > len ||
	    size * n > len - at)
		return "is no whole program";
	/* One that has an interpreter needs libraries. */
	for (i = 0; i < n; i++)
		if (elf_number(cpu, p + at + i * size, 4) == 3)
			return "is not static";
	return NULL;
}

static void
hex(const uint8_t *p, size_t n, char *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

/* Whether the line of sha256sum names that file; its digest is then ${sum}. */
static bool
sum_line(const char *line, size_t len, const char *name, char sum[static 65])
{
	size_t n = strlen(name);

	if (len != 66 + n || line[64] != ' ' ||
	    (line[65] != ' ' && line[65] != '*') ||
	    memcmp(line + 66, name, n) != 0 ||
	    strspn(line, "0123456789abcdef") != 64)
		return false;
	memcpy(sum, line, 64);
	sum[64] = '\0';
	return true;
}

/* The digests of all programs; each is there once. */
static int
parse_sums(const char *path, const char *text, struct install_set *set,
    char *why, size_t whylen)
{
	size_t seen[INSTALL_N_PROGRAMS] = { 0 };
	size_t i, len;

	assert(text != NULL);
	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		for (i = 0; i < INSTALL_N_PROGRAMS; i++)
			if (sum_line(text, len, names[i],
			    set->program[i].sum))
				seen[i]++;
	}
	for (i = 0; i < INSTALL_N_PROGRAMS; i++)
		if (seen[i] != 1)
			return fail(ST_MALFORMED, why, whylen, "%s has %s line "
			    "for %s: make the folder anew with make-programs",
			    path, seen[i] == 0 ? "no" : "more than one",
			    names[i]);
	return ST_OK;
}

/* A file of ${dir}, which has no more than ${max} bytes. */
static int
read_file(const char *dir, const char *arch, const char *name, size_t max,
    char **out, size_t *len, char *why, size_t whylen)
{
	char given[PATH_MAX], path[PATH_MAX], said[1024];
	int n, st;

	*out = NULL;
	n = snprintf(given, sizeof(given), "%s/%s/%s", dir, arch, name);
	if (n < 0 || n >= PATH_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "the path of the "
		    "programs is too long");
	st = ownfile_path(given, path, said, sizeof(said));
	if (st == ST_OK)
		st = ownfile_read(path, max, out, len, said, sizeof(said));
	if (st == ST_NOT_FOUND)
		return fail(st, why, whylen, "there are no programs for %s "
		    "processors in %s (%s): build static ones on such a "
		    "machine, and run deploy/make-programs %s, or name a "
		    "folder that has them with --programs", arch, dir, name,
		    dir);
	return st == ST_OK ? st : fail(st, why, whylen, "%s", said);
}

/* One of the programs, and that it is what it should be. */
static int
read_program(const char *dir, const struct processor *cpu, size_t i,
    struct install_set *set, char *why, size_t whylen)
{
	uint8_t digest[DIGEST_SHA256];
	char sum[65];
	const char *wrong;
	int st;

	st = read_file(dir, cpu->arch, names[i], INSTALL_PROGRAM_MAX,
	    &set->program[i].p, &set->program[i].len, why, whylen);
	if (st != ST_OK)
		return st;
	digest_sha256(set->program[i].p, set->program[i].len, digest);
	hex(digest, sizeof(digest), sum);
	if (strcmp(sum, set->program[i].sum) != 0)
		return fail(ST_MALFORMED, why, whylen, "%s/%s/%s is not the "
		    "file that SHA256SUMS there is of: make the folder anew "
		    "with make-programs", dir, cpu->arch, names[i]);
	wrong = elf_wrong(cpu, (const uint8_t *)set->program[i].p,
	    set->program[i].len);
	return wrong == NULL ? ST_OK : fail(ST_MALFORMED, why, whylen,
	    "%s/%s/%s %s: it must be a static program for %s", dir, cpu->arch,
	    names[i], wrong, cpu->arch);
}

int
install_read(const char *dir, const char *arch, struct install_set *set,
    char *why, size_t whylen)
{
	const struct processor *cpu = find_processor(arch);
	char path[PATH_MAX + 32], *text = NULL;
	size_t i, len;
	int st;

	*set = (struct install_set){ .program = { { .p = NULL } } };
	if (cpu == NULL)
		return fail(ST_UNSUPPORTED, why, whylen, "there are no "
		    "programs for its processor: install them by hand");
	(void)snprintf(path, sizeof(path), "%s/%s/SHA256SUMS", dir, arch);
	st = read_file(dir, arch, "SHA256SUMS", INSTALL_SUMS_MAX, &text, &len,
	    why, whylen);
	if (st == ST_OK)
		st = parse_sums(path, text, set, why, whylen);
	for (i = 0; st == ST_OK && i < INSTALL_N_PROGRAMS; i++)
		st = read_program(dir, cpu, i, set, why, whylen);
	free(text);
	if (st != ST_OK)
		install_set_fini(set);
	return st;
}

void
install_set_fini(struct install_set *set)
{
	size_t i;

	for (i = 0; i < INSTALL_N_PROGRAMS; i++)
		free(set->program[i].p);
	*set = (struct install_set){ .program = { { .p = NULL } } };
}

/* --- the processor there ------------------------------------------------- */

static struct slice
kept(const struct child_text *t)
{
	return (struct slice){ (const uint8_t *)t->p, t->len };
}

/* "WHAT (SAID): ADVICE" of an end that is not ours to explain. */
static int
fail_report(int st, const struct target_report *r, char *why, size_t whylen)
{
	return fail(st, why, whylen, "%s%s%s%s%s%s", r->what,
	    r->said[0] != '\0' ? " (" : "", r->said,
	    r->said[0] != '\0' ? ")" : "", r->advice[0] != '\0' ? ": " : "",
	    r->advice);
}

/* What can be an image, or the name of a processor, and is no option.  Only
 * nerdctl calls an image by its name. */
static bool
is_word(const struct target *t, const char *p, size_t len)
{
	const char *letters = t->kind == TARGET_NERDCTL ?
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    ":_./@-" : "abcdefghijklmnopqrstuvwxyz0123456789:_";

	return len > 0 && strspn(p, letters) >= len && p[0] != '-';
}

/* Ask the engine for one word about something. */
static int
inspect(const struct target *t, const struct install *how,
    const char *const args[static 4], char out[static INSPECT_MAX], char *why,
    size_t whylen)
{
	const char *engine = target_engine(t);
	struct child_spec spec = { .out = CHILD_KEEP, .err = CHILD_KEEP,
		.out_max = INSPECT_MAX, .err_max = INSTALL_SAID_MAX,
		.time_ms = how->time_ms };
	char program[PATH_MAX], *argv[7];
	struct target_report r;
	struct child c;
	size_t i, len;
	int st;

	if (child_find(engine, how->path, program) != ST_OK)
		return fail(ST_NOT_FOUND, why, whylen, "%s is not in PATH: is "
		    "it installed?", engine);
	/* execve(2) takes them as if it could change them. */
	argv[0] = program;
	for (i = 0; i < 5; i++)
		argv[i + 1] = i < 4 ? (char *)(uintptr_t)args[i] : NULL;
	argv[6] = NULL;
	spec.program = program;
	spec.argv = argv;
	st = child_run(&c, &spec, why, whylen);
	if (st == ST_OK) {
		target_report(t, engine, c.status, kept(&c.out_text),
		    kept(&c.err_text), &r);
		len = c.out_text.p != NULL ? strcspn(c.out_text.p, "\r\n") : 0;
		if (r.end != TARGET_DONE)
			st = fail_report(ST_CLOSED, &r, why, whylen);
		else if (len >= INSPECT_MAX || !is_word(t, c.out_text.p, len))
			st = fail(ST_CLOSED, why, whylen, "%s does not say "
			    "which image container %s is of, and for which "
			    "processor", engine, t->name);
		else
			(void)snprintf(out, INSPECT_MAX, "%.*s", (int)len,
			    c.out_text.p);
	}
	child_fini(&c);
	return st;
}

/* Which processor a container is for. */
static int
container_arch(const struct target *t, const struct install *how,
    struct install_report *report, char *why, size_t whylen)
{
	char image[INSPECT_MAX], arch[INSPECT_MAX];
	const char *const first[] = { "inspect", "--type=container",
		"--format={{.Image}}", t->name };
	const char *const then[] = { "inspect", "--type=image",
		"--format={{.Architecture}}", image };
	size_t i;
	int st;

	if ((st = inspect(t, how, first, image, why, whylen)) != ST_OK ||
	    (st = inspect(t, how, then, arch, why, whylen)) != ST_OK)
		return st;
	for (i = 0; i < N_PROCESSORS; i++)
		if (strcmp(processors[i].engine, arch) == 0)
			(void)snprintf(report->arch, sizeof(report->arch),
			    "%s", processors[i].arch);
	return report->arch[0] != '\0' ? ST_OK : fail(ST_UNSUPPORTED, why,
	    whylen, "container %s is for %s processors, and there are no "
	    "programs for these", t->name, arch);
}

/* What uname says, in the way folders are named. */
static int
local_arch(struct install_report *report, char *why, size_t whylen)
{
	struct utsname u;

	if (uname(&u) != 0)
		return fail(ST_SYSTEM, why, whylen, "cannot tell the "
		    "processor: %s", errtext(errno));
	(void)snprintf(report->arch, sizeof(report->arch), "%.*s",
	    INSTALL_ARCH_MAX, u.machine);
	return ST_OK;
}

/* --- sending them -------------------------------------------------------- */

/* The words of the script, and the memory that they are in. */
struct words {
	const char	*word[WORDS_MAX];
	size_t		 n;
	char		 number[1 + INSTALL_N_PROGRAMS][NUMBER_MAX];
};

static void
make_words(const struct install *how, const struct install_set *set,
    struct words *w)
{
	size_t i, all = 0;

	w->n = 0;
	w->word[w->n++] = "-c";
	w->word[w->n++] = install_sh;
	w->word[w->n++] = "bottle-install";
	w->word[w->n++] = how->bin != NULL ? how->bin : "/usr/local/bin";
	if (how->bin == NULL)
		w->word[w->n++] = "/opt/bottle-agent/bin";
	w->word[w->n++] = "--";
	w->word[w->n++] = w->number[0];
	for (i = 0; i < INSTALL_N_PROGRAMS; i++) {
		(void)snprintf(w->number[1 + i], NUMBER_MAX, "%zu",
		    set->program[i].len);
		w->word[w->n++] = w->number[1 + i];
		w->word[w->n++] = set->program[i].sum;
		w->word[w->n++] = names[i];
		all += set->program[i].len;
	}
	(void)snprintf(w->number[0], NUMBER_MAX, "%zu", all);
	assert(w->n <= WORDS_MAX);
}

/* Drive the child to its end, and give it the programs. */
static int
send_all(struct child *c, const struct install_set *set)
{
	struct pollfd fds[CHILD_FDS];
	size_t i = 0, at = 0, done;
	int st, put;

	do {
		child_fds(c, fds);
		fds[0].events = i < INSTALL_N_PROGRAMS ? POLLOUT : 0;
		if (poll(fds, CHILD_FDS, child_wait_ms(c)) < 0)
			for (size_t k = 0; k < CHILD_FDS; k++)
				fds[k].revents = 0;
		/* What is there of them is taken away by who reads them. */
		if (fleet_stopping() != 0)
			i = INSTALL_N_PROGRAMS;
		while (i < INSTALL_N_PROGRAMS) {
			put = child_write(c, set->program[i].p + at,
			    set->program[i].len - at, &done);
			at += done;
			if (put == ST_MORE)
				break;
			if (put != ST_OK) {
				/* It says itself why it does not read. */
				i = INSTALL_N_PROGRAMS;
				break;
			}
			i++;
			at = 0;
		}
		if (i == INSTALL_N_PROGRAMS)
			child_close_in(c);
		st = child_turn(c, fds);
	} while (st == ST_MORE);
	return st;
}

/* What is to be done where nothing can be put. */
static void
add_advice(const struct target *t, const struct install *how, const char *arch,
    struct text *said)
{
	const char *dir = how->programs != NULL ? how->programs :
	    install_programs_dir();
	char full[PATH_MAX];
	size_t i;

	/* An engine does not take one that is relative. */
	if (realpath(dir, full) != NULL)
		dir = full;
	if (t->kind == TARGET_LOCAL) {
		text_addf(said, "; install them in another folder, and say "
		    "which with --bin");
		return;
	}
	text_add(said, "; give them to the container when it is made:");
	for (i = 0; i < INSTALL_N_PROGRAMS; i++)
		text_addf(said, " -v %s/%s/%s:/usr/local/bin/%s:ro", dir, arch,
		    names[i], names[i]);
	text_add(said, ", or in its image: COPY bottle-agent bottle-forward "
	    "bottle-ssh-keygen /usr/local/bin/");
}

/* Take the next line that is the script's off ${rest}: what is behind
 * ${word}. */
static bool
next_said(struct slice *rest, const char *word, struct slice *said)
{
	const char *mark = MARK;
	size_t n, len;

	while (rest->len > 0) {
		const uint8_t *nl = memchr(rest->p, '\n', rest->len);

		len = nl != NULL ? (size_t)(nl - rest->p) : rest->len;
		*said = (struct slice){ rest->p, len };
		rest->p += len + (nl != NULL);
		rest->len -= len + (nl != NULL);
		if (len > 0 && said->p[len - 1] == '\r')
			said->len--;
		n = strlen(mark);
		if (said->len < n + strlen(word) ||
		    memcmp(said->p, mark, n) != 0 ||
		    memcmp(said->p + n, word, strlen(word)) != 0)
			continue;
		n += strlen(word);
		said->p += n;
		said->len -= n;
		return true;
	}
	return false;
}

/* What its end says. */
static int
conclude(const struct target *t, const struct install *how,
    const struct child *c, struct install_report *report, char *why,
    size_t whylen)
{
	struct slice out = kept(&c->out_text), line;
	struct target_report r;
	struct text said;
	char label[256];
	bool first = true;

	target_report(t, "/bin/sh", c->status, out, kept(&c->err_text), &r);
	if (r.end == TARGET_DONE && next_said(&out, "ok ", &line) &&
	    line.len <= LAUNCH_BIN_MAX) {
		text_init(&said, report->bin, sizeof(report->bin));
		text_escape(&said, line.p, line.len);
		return ST_OK;
	}
	target_label(t, label, sizeof(label));
	text_init(&said, why, whylen);
	text_addf(&said, "no programs could be put into %s: ", label);
	for (out = kept(&c->out_text); next_said(&out, "no ", &line);
	    first = false) {
		text_add(&said, first ? "" : "; ");
		text_escape(&said, line.p, line.len < TARGET_SAID_MAX ?
		    line.len : TARGET_SAID_MAX);
	}
	if (!first) {
		add_advice(t, how, report->arch, &said);
		return ST_DENIED;
	}
	if (r.end == TARGET_NO_PROGRAM || r.end == TARGET_CANNOT_RUN) {
		text_add(&said, "there is no /bin/sh in it");
		add_advice(t, how, report->arch, &said);
		return ST_DENIED;
	}
	if (r.end == TARGET_DONE || r.end == TARGET_FAILED ||
	    r.end == TARGET_SIGNALLED) {
		text_addf(&said, "the shell there failed with status %d%s%s",
		    r.code, r.said[0] != '\0' ? ": " : "", r.said);
		return ST_DENIED;
	}
	return fail_report(ST_CLOSED, &r, why, whylen);
}

/* Run the script there. */
static int
run_script(const struct target *t, const struct install *how,
    const struct install_set *set, struct install_report *report, char *why,
    size_t whylen)
{
	struct child_spec spec = { .in = CHILD_PIPE, .out = CHILD_KEEP,
		.err = CHILD_KEEP, .out_max = INSTALL_SAID_MAX,
		.err_max = INSTALL_SAID_MAX, .time_ms = how->time_ms };
	struct target_run run = { .program = "/bin/sh" };
	struct target_command cmd;
	struct words words;
	struct child c;
	int st;

	make_words(how, set, &words);
	run.args = words.word;
	run.nargs = words.n;
	st = target_command(t, &run, how->path, &cmd, why, whylen);
	if (st != ST_OK)
		return st;
	target_command_spec(&cmd, &spec);
	if ((st = child_start(&c, &spec, why, whylen)) == ST_OK) {
		st = send_all(&c, set);
		if (st == ST_OK)
			st = conclude(t, how, &c, report, why, whylen);
		else if (st == ST_BUSY)
			(void)fail(st, why, whylen, "the programs were not "
			    "taken within %lld s: give it more with "
			    "--timeout", (long long)(how->time_ms / 1000));
		else
			(void)fail(st, why, whylen, "cannot listen to %s: %s",
			    cmd.program, status_name(st));
	}
	child_fini(&c);
	target_command_fini(&cmd);
	return st;
}

int
install_programs(const struct target *t, const struct install *how,
    struct install_report *report, char *why, size_t whylen)
{
	const char *dir = how->programs != NULL ? how->programs :
	    install_programs_dir();
	struct install_set set;
	int st = ST_OK;

	*report = (struct install_report){ .arch = "" };
	if (how->bin != NULL &&
	    (st = launch_bin_check(how->bin, why, whylen)) != ST_OK)
		return st;
	switch (t->kind) {
	case TARGET_DOCKER:
	case TARGET_PODMAN:
	case TARGET_NERDCTL:
		st = container_arch(t, how, report, why, whylen);
		break;
	case TARGET_KUBECTL:
		/* Who may write there is not root, and the next pod would be
		 * without them again. */
		return fail(ST_UNSUPPORTED, why, whylen, "programs are not put "
		    "into pods: have them in the images of both containers, "
		    "\"COPY bottle-agent bottle-forward bottle-ssh-keygen "
		    "/usr/local/bin/\", from %s/ARCH", dir);
	case TARGET_LOCAL:
		st = local_arch(report, why, whylen);
		break;
	case TARGET_EXEC:
		return fail(ST_UNSUPPORTED, why, whylen, "programs are not put "
		    "behind exec: install them there as root, as in \"scp "
		    "%s/ARCH/bottle-* root@HOST:/usr/local/bin/\", where ARCH "
		    "is what \"uname -m\" says there", dir);
	}
	if (st != ST_OK ||
	    (st = install_read(dir, report->arch, &set, why, whylen)) != ST_OK)
		return st;
	st = run_script(t, how, &set, report, why, whylen);
	install_set_fini(&set);
	return st;
}
