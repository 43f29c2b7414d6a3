/*
 * Putting programs into a target: what is sent at all, and what the script does
 * with it, in each shell that it may meet.
 */

#include "provision/install.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys/digest.h"
#include "provision/install_sh.h"

static char why[INSTALL_WHY_MAX];
static char dir[64];
static struct install_set set;

static const char *const names[] = { "bottle-agent", "bottle-forward",
	"bottle-ssh-keygen" };

/* Below /run, since everything below /tmp is anybody's. */
static int
setup(void **state)
{
	(void)state;
	strcpy(dir, geteuid() == 0 ? "/run/install.XXXXXX" :
	    "/tmp/install.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	install_set_fini(&set);
	install_set_fini(&set);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* A shell's command in the folder. */
static int
shell(const char *command)
{
	char line[2048];

	(void)snprintf(line, sizeof(line), "cd %s && {\n%s\n}", dir, command);
	return system(line);
}

static void
prepare(const char *command)
{
	if (shell(command) != 0)
		fail_msg("%s", command);
}

static void
write_file(const char *arch, const char *name, const void *p, size_t n)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, arch);
	(void)mkdir(path, 0755);
	(void)snprintf(path, sizeof(path), "%s/%s/%s", dir, arch, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* --- what is sent -------------------------------------------------------- */

/* A file that says that it is a program. */
struct elf {
	uint8_t	 size, order;		/* as in its head */
	uint16_t machine, type;
	uint32_t segment;		/* type of its only one */
};

static const struct elf amd64 = { 2, 1, 62, 3, 1 };

/* A number in the file's order of bytes. */
static void
elf_put(const struct elf *e, uint8_t *p, size_t n, uint64_t v)
{
	size_t i;

	for (i = 0; i < n; i++, v >>= 8)
		p[e->order == 2 ? n - 1 - i : i] = (uint8_t)v;
}

#define ELF_LEN	160

static void
make_elf(const struct elf *e, uint8_t p[static ELF_LEN])
{
	bool wide = e->size == 2;

	memset(p, 0, ELF_LEN);
	memcpy(p, "\177ELF", 4);
	p[4] = e->size;
	p[5] = e->order;
	elf_put(e, p + 16, 2, e->type);
	elf_put(e, p + 18, 2, e->machine);
	elf_put(e, p + (wide ? 32 : 28), wide ? 8 : 4, 64);
	elf_put(e, p + (wide ? 54 : 42), 2, wide ? 56 : 32);
	elf_put(e, p + (wide ? 56 : 44), 2, 1);
	elf_put(e, p + 64, 4, e->segment);
}

static void
add_sum(const char *name, const void *p, size_t n, char *sums, size_t cap)
{
	uint8_t digest[DIGEST_SHA256];
	size_t i, len = strlen(sums);

	digest_sha256(p, n, digest);
	for (i = 0; i < sizeof(digest); i++, len += 2)
		(void)snprintf(sums + len, cap - len, "%02x", digest[i]);
	(void)snprintf(sums + len, cap - len, "  %s\n", name);
}

/* A folder with three programs like that. */
static void
make_folder(const char *arch, const struct elf *e)
{
	uint8_t p[ELF_LEN];
	char sums[1024] = "";
	size_t i;

	make_elf(e, p);
	for (i = 0; i < 3; i++) {
		p[ELF_LEN - 1] = (uint8_t)i;
		write_file(arch, names[i], p, sizeof(p));
		add_sum(names[i], p, sizeof(p), sums, sizeof(sums));
	}
	write_file(arch, "SHA256SUMS", sums, strlen(sums));
}

static int
read_set(const char *arch)
{
	int st;

	install_set_fini(&set);
	why[0] = '\0';
	st = install_read(dir, arch, &set, why, sizeof(why));
	if (st != ST_OK)
		for (size_t i = 0; i < INSTALL_N_PROGRAMS; i++)
			assert_null(set.program[i].p);
	return st;
}

static void
check_refused(int st, int wanted, const char *said)
{
	if (st != wanted || strstr(why, said) == NULL)
		fail_msg("%s: %s, %s", said, status_name(st), why);
}

static void
digest_is_sha256(void **state)
{
	static const uint8_t abc[] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41,
		0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3,
		0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
		0x15, 0xad,
	};
	uint8_t digest[DIGEST_SHA256];

	(void)state;
	digest_sha256("abc", 3, digest);
	assert_memory_equal(digest, abc, sizeof(abc));
}

static void
programs_of_every_processor_are_read(void **state)
{
	static const struct {
		const char	*arch;
		struct elf	 elf;
	} row[] = {
		{ "x86_64", { 2, 1, 62, 3, 1 } },
		{ "x86_64", { 2, 1, 62, 2, 1 } },
		{ "aarch64", { 2, 1, 183, 3, 1 } },
		{ "armv7l", { 1, 1, 40, 2, 1 } },
		{ "i686", { 1, 1, 3, 2, 1 } },
		{ "riscv64", { 2, 1, 243, 3, 1 } },
		{ "ppc64le", { 2, 1, 21, 3, 1 } },
		{ "s390x", { 2, 2, 22, 3, 1 } },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		make_folder(row[i].arch, &row[i].elf);
		if (read_set(row[i].arch) != ST_OK)
			fail_msg("%s: %s", row[i].arch, why);
		for (k = 0; k < 3; k++) {
			assert_int_equal(set.program[k].len, ELF_LEN);
			assert_int_equal(set.program[k].p[ELF_LEN - 1], k);
			assert_int_equal(strlen(set.program[k].sum), 64);
		}
	}
	check_refused(read_set("sparc"), ST_UNSUPPORTED, "by hand");
	check_refused(read_set("../x86_64"), ST_UNSUPPORTED, "by hand");
}

static void
what_is_no_program_for_it_is_not_sent(void **state)
{
	static const struct {
		struct elf	 elf;
		const char	*said;
	} row[] = {
		{ { 2, 1, 183, 3, 1 }, "is for another processor" },
		{ { 1, 1, 62, 3, 1 }, "is for another processor" },
		{ { 2, 2, 62, 3, 1 }, "is for another processor" },
		{ { 2, 1, 62, 3, 3 }, "is not static" },
		{ { 2, 1, 62, 1, 1 }, "is no whole program" },
		{ { 2, 1, 62, 4, 1 }, "is no whole program" },
	};
	static const struct {
		size_t		 at, n;
		uint64_t	 v;
		const char	*said;
	} broken[] = {
		{ 0, 1, 'x', "is no program" },
		{ 32, 8, ELF_LEN - 55, "is no whole program" },
		{ 32, 8, UINT64_MAX, "is no whole program" },
		{ 54, 2, 31, "is no whole program" },
		{ 56, 2, 0, "is no whole program" },
		{ 56, 2, 2, "is no whole program" },
		{ 56, 2, 65535, "is no whole program" },
	};
	uint8_t p[ELF_LEN];
	char sums[1024];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		make_folder("x86_64", &row[i].elf);
		check_refused(read_set("x86_64"), ST_MALFORMED, row[i].said);
		check_refused(ST_MALFORMED, ST_MALFORMED,
		    "x86_64/bottle-agent");
	}
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		make_folder("x86_64", &amd64);
		make_elf(&amd64, p);
		elf_put(&amd64, p + broken[i].at, broken[i].n, broken[i].v);
		sums[0] = '\0';
		for (n = 0; n < 3; n++)
			add_sum(names[n], p, sizeof(p), sums, sizeof(sums));
		for (n = 0; n < 3; n++)
			write_file("x86_64", names[n], p, sizeof(p));
		write_file("x86_64", "SHA256SUMS", sums, strlen(sums));
		check_refused(read_set("x86_64"), ST_MALFORMED,
		    broken[i].said);
	}
	/* Cut at every length, though what is cut has the right digest. */
	for (n = 0; n < 120; n++) {
		make_folder("x86_64", &amd64);
		make_elf(&amd64, p);
		sums[0] = '\0';
		for (i = 0; i < 3; i++) {
			add_sum(names[i], p, n, sums, sizeof(sums));
			write_file("x86_64", names[i], p, n);
		}
		write_file("x86_64", "SHA256SUMS", sums, strlen(sums));
		check_refused(read_set("x86_64"), ST_MALFORMED, n < 64 ?
		    "is no program" : "is no whole program");
	}
}

static void
digests_are_checked(void **state)
{
	uint8_t p[ELF_LEN];

	(void)state;
	make_folder("x86_64", &amd64);
	assert_int_equal(read_set("x86_64"), ST_OK);
	prepare("printf x >>x86_64/bottle-ssh-keygen");
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "x86_64/bottle-ssh-keygen is not the file that SHA256SUMS");
	make_folder("x86_64", &amd64);
	make_elf(&amd64, p);
	write_file("x86_64", "bottle-forward", p, ELF_LEN - 1);
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "x86_64/bottle-forward is not the file");
	make_folder("x86_64", &amd64);
	prepare("cp x86_64/bottle-agent x86_64/bottle-forward");
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "x86_64/bottle-forward is not the file");

	/* Other files, and a star, do no harm. */
	make_folder("x86_64", &amd64);
	prepare("cd x86_64; sed -i 's/  / */' SHA256SUMS; "
	    "{ echo; echo 0 x; echo x; cat SHA256SUMS; echo; } >s; "
	    "mv s SHA256SUMS");
	assert_int_equal(read_set("x86_64"), ST_OK);
	prepare("sed -i '/bottle-forward/d' x86_64/SHA256SUMS");
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "no line for bottle-forward");
	make_folder("x86_64", &amd64);
	prepare("cd x86_64; cat SHA256SUMS SHA256SUMS >s; mv s SHA256SUMS");
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "more than one line for bottle-agent");
	make_folder("x86_64", &amd64);
	prepare("sed -i 's/^./g/' x86_64/SHA256SUMS");
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "no line for bottle-agent");
	make_folder("x86_64", &amd64);
	prepare("sed -i 's/^.//' x86_64/SHA256SUMS");
	check_refused(read_set("x86_64"), ST_MALFORMED,
	    "no line for bottle-agent");
}

static void
what_is_missing_is_named(void **state)
{
	(void)state;
	check_refused(read_set("aarch64"), ST_NOT_FOUND, "aarch64");
	check_refused(ST_OK, ST_OK, "make-programs");
	make_folder("x86_64", &amd64);
	prepare("rm x86_64/SHA256SUMS");
	check_refused(read_set("x86_64"), ST_NOT_FOUND, "SHA256SUMS");
	make_folder("x86_64", &amd64);
	prepare("rm x86_64/bottle-ssh-keygen");
	check_refused(read_set("x86_64"), ST_NOT_FOUND, "bottle-ssh-keygen");
	make_folder("x86_64", &amd64);
	prepare("chmod 666 x86_64/bottle-forward");
	check_refused(read_set("x86_64"), ST_UNTRUSTED, "bottle-forward");
}

static void
limits_are_met_and_not_passed(void **state)
{
	char command[256];

	(void)state;
	make_folder("x86_64", &amd64);
	(void)snprintf(command, sizeof(command), "cd x86_64; truncate -s %d "
	    "bottle-agent; sha256sum bottle-* >SHA256SUMS",
	    INSTALL_PROGRAM_MAX);
	prepare(command);
	if (read_set("x86_64") != ST_OK)
		fail_msg("%s", why);
	prepare("printf x >>x86_64/bottle-agent");
	check_refused(read_set("x86_64"), ST_TOO_LARGE, "bottle-agent");
	make_folder("x86_64", &amd64);
	(void)snprintf(command, sizeof(command), "cd x86_64; while echo; do :; "
	    "done 2>/dev/null | head -c %d >s; cat SHA256SUMS s | head -c %d >t; "
	    "mv t SHA256SUMS", INSTALL_SUMS_MAX, INSTALL_SUMS_MAX);
	prepare(command);
	assert_int_equal(read_set("x86_64"), ST_OK);
	prepare("echo >>x86_64/SHA256SUMS");
	check_refused(read_set("x86_64"), ST_TOO_LARGE, "SHA256SUMS");
}

/* --- what is done there -------------------------------------------------- */

static const struct {
	const char	*path;
	const char	*argv0;
	const char	*arg;
} shells[] = {
	{ "/usr/bin/dash", "sh", NULL },
	{ "/usr/bin/bash", "sh", NULL },
	{ "/usr/bin/busybox", "busybox", "sh" },
};

#define N_SHELLS	(sizeof(shells) / sizeof(shells[0]))

static bool
have_shell(size_t k)
{
	if (access(shells[k].path, X_OK) == 0)
		return true;
	print_message("skipped: there is no %s\n", shells[k].path);
	return false;
}

/* What is sent to the script. */
static struct {
	char	 all[65536];
	size_t	 len;
	char	 word[9][80];
} sent;

/* Programs that say who they are: ${version}. */
static void
make_sent(const char *version)
{
	char sum[128], *p;
	size_t i, n;

	sent.len = 0;
	for (i = 0; i < 3; i++) {
		p = sent.all + sent.len;
		n = (size_t)snprintf(p, 1024, "#!/bin/sh\necho %s %s\n",
		    names[i], version);
		/* Longer than what is read at once. */
		memset(p + n, '#', 9000 + i);
		n += 9000 + i;
		sum[0] = '\0';
		add_sum("", p, n, sum, sizeof(sum));
		(void)snprintf(sent.word[3 * i], 80, "%zu", n);
		(void)snprintf(sent.word[3 * i + 1], 80, "%.64s", sum);
		(void)snprintf(sent.word[3 * i + 2], 80, "%s", names[i]);
		sent.len += n;
	}
}

/* Run the script with folders ${bins} of ours; what it prints is in ${c}. */
static int
run_script(size_t k, const char *const *bins, struct child *c)
{
	struct child_spec spec = { .in = CHILD_PIPE, .out = CHILD_KEEP,
		.err = CHILD_KEEP, .out_max = 8192, .err_max = 8192,
		.time_ms = 60000 };
	struct pollfd fds[CHILD_FDS];
	const char *argv[32];
	char path[4][128], all[32];
	size_t n = 0, i, at = 0, done;
	int st;

	argv[n++] = shells[k].argv0;
	if (shells[k].arg != NULL)
		argv[n++] = shells[k].arg;
	argv[n++] = "-c";
	argv[n++] = install_sh;
	argv[n++] = "bottle-install";
	for (i = 0; bins[i] != NULL; i++) {
		(void)snprintf(path[i], sizeof(path[i]), "%s/%s", dir,
		    bins[i]);
		argv[n++] = path[i];
	}
	argv[n++] = "--";
	(void)snprintf(all, sizeof(all), "%zu",
	    (size_t)(atoi(sent.word[0]) + atoi(sent.word[3]) +
	    atoi(sent.word[6])));
	argv[n++] = all;
	for (i = 0; i < 9; i++)
		argv[n++] = sent.word[i];
	argv[n] = NULL;
	spec.program = shells[k].path;
	spec.argv = (char *const *)(uintptr_t)argv;
	assert_int_equal(child_start(c, &spec, why, sizeof(why)), ST_OK);
	/* Nothing depends on an end of file, unless it is cut off. */
	do {
		child_fds(c, fds);
		if (at < sent.len)
			fds[0].events = POLLOUT;
		(void)poll(fds, CHILD_FDS, 20);
		if (at < sent.len) {
			st = child_write(c, sent.all + at, sent.len - at,
			    &done);
			at += done;
			if (st == ST_CLOSED)
				at = sent.len;
		} else if (sent.len < (size_t)atoi(all)) {
			child_close_in(c);
		}
		st = child_turn(c, fds);
	} while (st == ST_MORE);
	assert_int_equal(st, ST_OK);
	return c->status;
}

/* It must end so and say that; the folder must then pass a shell's test. */
static void
check_script(size_t k, const char *const *bins, int code, const char *said,
    const char *test)
{
	struct child c;
	int status = run_script(k, bins, &c);

	if (status != code << 8 || c.out_text.p == NULL ||
	    strstr(c.out_text.p, said) == NULL || c.err_text.len != 0 ||
	    shell(test) != 0)
		fail_msg("%s, %s: %x, %s, %s; %s", said, shells[k].path,
		    (unsigned)status, c.out_text.p, c.err_text.p, test);
	child_fini(&c);
	/* Nothing is left behind. */
	prepare("test -z \"$(find . -name '.bottle-install*')\"");
}

#define TWO	(const char *const[]){ "one/bin", "two/x/bin", NULL }
#define IS(where, version)						\
	"for p in bottle-agent bottle-forward bottle-ssh-keygen; do "	\
	"[ \"$(" where "/$p)\" = \"$p " version "\" ] && "		\
	"[ \"$(stat -c '%a %u' " where "/$p)\" = '755 0' ] || exit 1; "	\
	"done; "

static void
programs_come_into_the_first_folder_that_will_do(void **state)
{
	size_t k;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (k = 0; k < N_SHELLS; k++) {
		if (!have_shell(k))
			continue;
		prepare("rm -rf *; mkdir -p one/bin");
		make_sent("1");
		check_script(k, TWO, 0, "/one/bin\n", IS("one/bin", "1")
		    "test ! -e two");
		/* Newer ones take their places, even those of links, which
		 * stay what they are elsewhere. */
		prepare("mv one/bin/bottle-agent old; ln -s ../../old "
		    "one/bin/bottle-agent");
		make_sent("2");
		check_script(k, TWO, 0, "bottle-install: ok /",
		    IS("one/bin", "2") "[ \"$(./old)\" = 'bottle-agent 1' ]");
		/* It is another's. */
		prepare("chown 1000 one");
		make_sent("3");
		check_script(k, TWO, 0, "/two/x/bin\n", IS("two/x/bin", "3")
		    IS("one/bin", "2")
		    "[ $(stat -c %a%u two two/x two/x/bin | sort -u) = 7550 ]");
		/* What leads there is root's. */
		prepare("rm -rf two; mkdir three; ln -s three two");
		check_script(k, TWO, 0, "/two/x/bin\n",
		    IS("three/x/bin", "3"));
	}
}

static void
nothing_is_made_where_others_lead(void **state)
{
	size_t k;

	(void)state;
	if (geteuid() != 0)
		skip();
	make_sent("1");
	for (k = 0; k < N_SHELLS; k++) {
		if (!have_shell(k))
			continue;
		prepare("rm -rf *; mkdir one two three; chown 1000 one two; "
		    "ln -s ../three two/x");
		check_script(k, TWO, 3, "/one: belongs to uid 1000, not to "
		    "root\n", "[ -z \"$(find one three -mindepth 1)\" ]");
		prepare("rm -rf *; mkdir one two; chmod 777 one; "
		    "ln -s ../one two/x");
		check_script(k, TWO, 3, "/one: can be written by others",
		    "[ -z \"$(find one -mindepth 1)\" ]");
		prepare("rm -rf *; touch one; mkdir two; touch two/x");
		check_script(k, TWO, 3, "bottle-install: no /run/", "true");
	}
}

static void
all_of_them_or_none(void **state)
{
	size_t k, i;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (k = 0; k < N_SHELLS; k++) {
		if (!have_shell(k))
			continue;
		prepare("rm -rf *; mkdir -p one/bin");
		make_sent("1");
		check_script(k, TWO, 0, "ok", IS("one/bin", "1"));

		make_sent("2");
		sent.all[0] = '!';
		check_script(k, TWO, 3, "bottle-agent: did not arrive as",
		    IS("one/bin", "1"));
		make_sent("2");
		sent.len--;
		check_script(k, TWO, 3, "not all of the programs arrived",
		    IS("one/bin", "1"));
		make_sent("2");
		sent.len = 0;
		check_script(k, TWO, 3, "not all of the programs arrived",
		    IS("one/bin", "1"));
		make_sent("2; exit 1");
		check_script(k, TWO, 3, "bottle-agent: cannot be run",
		    IS("one/bin", "1"));

		/* The last one cannot be replaced; those before come back. */
		for (i = 0; i < 3; i++) {
			prepare("rm one/bin/bottle-ssh-keygen; "
			    "mkdir one/bin/bottle-ssh-keygen");
			if (i == 1)
				prepare("rm one/bin/bottle-forward");
			if (i == 2)
				prepare("ln -s /nowhere "
				    "one/bin/bottle-forward");
			make_sent("2");
			check_script(k, TWO, 3, "bottle-ssh-keygen: cannot be "
			    "replaced", i == 1 ? "[ ! -e one/bin/bottle-forward"
			    " ]; [ \"$(one/bin/bottle-agent)\" = "
			    "'bottle-agent 1' ]" : i == 2 ? "[ $(readlink "
			    "one/bin/bottle-forward) = /nowhere ]" :
			    "[ \"$(one/bin/bottle-forward)\" = "
			    "'bottle-forward 1' ]");
			prepare("rmdir one/bin/bottle-ssh-keygen; "
			    "touch one/bin/bottle-ssh-keygen");
		}
	}
}

/* --- all of it ----------------------------------------------------------- */

static int
install(const char *target, const char *bin, struct install_report *report)
{
	struct install how = { dir, dir, bin, 60000 };
	struct target t;

	why[0] = '\0';
	assert_int_equal(target_parse(target, &t, why, sizeof(why)), ST_OK);
	return install_programs(&t, &how, report, why, sizeof(why));
}

/* An engine that answers ${image}, ${arch}, and runs things by ${run}. */
static void
make_engine(const char *image, const char *arch, const char *run)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "cat >docker <<'end'\n"
	    "#!/bin/sh\n"
	    "PATH=/usr/bin:/bin\n"
	    "case \"$*\" in\n"
	    "'inspect --type=container --format={{.Image}} web') %s ;;\n"
	    "'inspect --type=image --format={{.Architecture}} sha256:1')"
	    " %s ;;\n"
	    "'exec -i -u 0 -w / web /bin/sh -c '*) shift 10; %s ;;\n"
	    "*) exit 99 ;;\n"
	    "esac\nend\nchmod 755 docker", image, arch, run);
	prepare(line);
}

static void
engines_are_asked_for_the_processor(void **state)
{
	struct install_report r;

	(void)state;
	make_folder("aarch64", &(struct elf){ 2, 1, 183, 3, 1 });
	make_engine("echo sha256:1", "echo arm64",
	    "echo \"$*\" >args; head -c 480 >all; "
	    "echo 'bottle-install: ok /opt/bottle-agent/bin'");
	prepare("sed -i \"s,PATH=.*,&; cd $PWD,\" docker");
	if (install("web", NULL, &r) != ST_OK)
		fail_msg("%s", why);
	assert_string_equal(r.arch, "aarch64");
	assert_string_equal(r.bin, "/opt/bottle-agent/bin");
	prepare("cat aarch64/bottle-agent aarch64/bottle-forward "
	    "aarch64/bottle-ssh-keygen | cmp - all");
	prepare("a=$(sha256sum <aarch64/bottle-agent); case $(cat args) in "
	    "\"bottle-install /usr/local/bin /opt/bottle-agent/bin -- 480 160 "
	    "${a%% *} bottle-agent 160 \"*) ;; *) exit 1 ;; esac");
	if (install("web", "/opt/x", &r) != ST_OK)
		fail_msg("%s", why);
	prepare("grep -q '^bottle-install /opt/x -- 480 ' args");
	check_refused(install("web", "/opt/x y", &r), ST_MALFORMED,
	    "absolute");
}

static void
what_engines_say_is_told(void **state)
{
	static const struct {
		const char	*image, *arch, *run;
		int		 st;
		const char	*said;
	} row[] = {
		{ "echo 'Error response from daemon: No such container: web' "
		    ">&2; exit 1", "false", "false", ST_CLOSED,
		    "no container web" },
		{ "echo", "false", "false", ST_CLOSED, "does not say" },
		{ "echo --x", "false", "false", ST_CLOSED, "does not say" },
		{ "echo a/b", "false", "false", ST_CLOSED, "does not say" },
		{ "echo sha256:1", "exit 1", "false", ST_CLOSED, "status 1" },
		{ "echo sha256:1", "echo mips", "false", ST_UNSUPPORTED,
		    "mips" },
		{ "echo sha256:1", "echo arm64", "false", ST_NOT_FOUND,
		    "aarch64" },
		{ "echo sha256:1", "echo amd64", "echo 'bottle-install: no "
		    "/usr/local/bin: belongs to uid 1000, not to root'; echo "
		    "'bottle-install: no /opt: \033[2J'; exit 3", ST_DENIED,
		    "into container web: /usr/local/bin: belongs to uid 1000, "
		    "not to root; /opt: \\x1b[2J; give them to the container" },
		{ "echo sha256:1", "echo amd64", "echo 'bottle-install: no x'; "
		    "exit 3", ST_DENIED, "/x86_64/bottle-forward:/usr/local/"
		    "bin/bottle-forward:ro" },
		{ "echo sha256:1", "echo amd64", "echo 'bottle-install: no x'; "
		    "exit 3", ST_DENIED, "COPY bottle-agent" },
		{ "echo sha256:1", "echo amd64", "echo 'OCI runtime exec "
		    "failed: exec failed: exec: \"/bin/sh\": stat /bin/sh: no "
		    "such file or directory'; exit 126", ST_DENIED,
		    "there is no /bin/sh in it; give" },
		{ "echo sha256:1", "echo amd64", "echo 'bottle-install: ok "
		    "/x'; exit 1", ST_DENIED, "status 1" },
		{ "echo sha256:1", "echo amd64", "exit 0", ST_DENIED,
		    "status 0" },
		{ "echo sha256:1", "echo amd64", "echo 'Error response from "
		    "daemon: Container x is not running' >&2; exit 1",
		    ST_CLOSED, "is not running" },
	};
	struct install_report r;
	size_t i;

	(void)state;
	make_folder("x86_64", &amd64);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		make_engine(row[i].image, row[i].arch, row[i].run);
		check_refused(install("web", NULL, &r), row[i].st,
		    row[i].said);
		assert_string_equal(r.bin, "");
	}
	prepare("rm docker");
	check_refused(install("web", NULL, &r), ST_NOT_FOUND,
	    "docker is not in PATH");
	check_refused(install("exec:ssh root@box", NULL, &r), ST_UNSUPPORTED,
	    "scp ");
}

/* An engine takes what is relative for the name of a volume. */
static void
advice_names_the_whole_path(void **state)
{
	struct install how = { ".", dir, NULL, 60000 };
	struct install_report r;
	char said[128], *here;
	struct target t;
	int st;

	(void)state;
	make_folder("x86_64", &amd64);
	make_engine("echo sha256:1", "echo amd64", "echo 'bottle-install: no "
	    "x'; exit 3");
	assert_int_equal(target_parse("web", &t, why, sizeof(why)), ST_OK);
	assert_non_null(here = getcwd(NULL, 0));
	assert_int_equal(chdir(dir), 0);
	st = install_programs(&t, &how, &r, why, sizeof(why));
	assert_int_equal(chdir(here), 0);
	free(here);
	(void)snprintf(said, sizeof(said), " -v %s/x86_64/bottle-agent:", dir);
	check_refused(st, ST_DENIED, said);
}

/* What a copy of this program does in that folder: it has its own. */
static int
use_own_folder(const char *where)
{
	const struct install how = { NULL, where, NULL, 60000 };
	struct install_report r;
	struct target t;

	if (target_parse("web", &t, why, sizeof(why)) != ST_OK ||
	    install_programs(&t, &how, &r, why, sizeof(why)) != ST_DENIED)
		return 1;
	return puts(why) < 0;
}

static void
advice_names_our_own_folder(void **state)
{
	char line[512];

	(void)state;
	make_folder("x86_64", &amd64);
	make_engine("echo sha256:1", "echo amd64", "echo 'bottle-install: no "
	    "x'; exit 3");
	(void)snprintf(line, sizeof(line), "mkdir -p bin lib/bottle-agent/"
	    "programs && mv x86_64 lib/bottle-agent/programs && "
	    "cp /proc/%ld/exe bin/copy && bin/copy \"$PWD\" >said && "
	    "grep -qF -e \"web: x; give them to the container when it is made: "
	    "-v $PWD/lib/bottle-agent/programs/x86_64/bottle-agent:\" said",
	    (long)getpid());
	prepare(line);
}

static void
one_that_hangs_is_ended(void **state)
{
	struct install how = { dir, dir, NULL, 300 };
	struct install_report r;
	struct target t;

	(void)state;
	make_folder("x86_64", &amd64);
	make_engine("echo sha256:1", "echo amd64", "exec sleep 60");
	assert_int_equal(target_parse("web", &t, why, sizeof(why)), ST_OK);
	check_refused(install_programs(&t, &how, &r, why, sizeof(why)),
	    ST_BUSY, "--timeout");
	make_engine("exec sleep 60", "echo amd64", "true");
	check_refused(install_programs(&t, &how, &r, why, sizeof(why)),
	    ST_BUSY, "killed");
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Below the prefix of this very program, wherever it was moved. */
static void
programs_are_found_from_where_we_are(void **state)
{
	char want[PATH_MAX + 64];
	ssize_t n;
	int i;

	(void)state;
	n = readlink("/proc/self/exe", want, PATH_MAX - 1);
	assert_true(n > 0);
	want[n] = '\0';
	for (i = 0; i < 2; i++)
		*strrchr(want, '/') = '\0';
	strcat(want, "/lib/bottle-agent/programs");
	assert_string_equal(install_programs_dir(), want);
	assert_ptr_equal(install_programs_dir(), install_programs_dir());
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_is_sha256),
		cmocka_unit_test(programs_are_found_from_where_we_are),
		OWN_TEST(programs_of_every_processor_are_read),
		OWN_TEST(what_is_no_program_for_it_is_not_sent),
		OWN_TEST(digests_are_checked),
		OWN_TEST(what_is_missing_is_named),
		OWN_TEST(limits_are_met_and_not_passed),
		OWN_TEST(programs_come_into_the_first_folder_that_will_do),
		OWN_TEST(nothing_is_made_where_others_lead),
		OWN_TEST(all_of_them_or_none),
		OWN_TEST(engines_are_asked_for_the_processor),
		OWN_TEST(what_engines_say_is_told),
		OWN_TEST(advice_names_the_whole_path),
		OWN_TEST(advice_names_our_own_folder),
		OWN_TEST(one_that_hangs_is_ended),
	};

	if (argc > 1)
		return use_own_folder(argv[1]);
	child_signals();
	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
