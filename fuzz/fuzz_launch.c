/*
 * Reaches: launch_report, launch_is_older, and install_programs with all that
 *          an engine, a container and the script in it can say; target_report;
 *          install_read on hostile programs.
 * Claims:  what is told of a launch or an installation is one line that is safe
 *          to print; a launch ran only where the exit code can be a program's;
 *          programs are there only if the script said so and ended well, for a
 *          processor that there are programs for, and where they are is safe to
 *          print; an engine is asked about words that are no options; versions
 *          are in an order: what comes before one that is older is older, too.
 * Input:   a target, what is run, exit codes; then what each program prints,
 *          with bytes 0xff between; or a program.
 */

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "fuzz/engine.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "keys/digest.h"
#include "provision/install.h"
#include "provision/launch.h"

/* In the place of the folder of programs. */
int __wrap_ownfile_path(const char *path, char out[static PATH_MAX], char *why,
    size_t whylen);
int __wrap_ownfile_read(const char *path, size_t max, char **out, size_t *len,
    char *why, size_t whylen);

static const char *const targets[] = { "docker:web", "podman:web",
	"nerdctl:web", "kubectl:ns/pod", "kubectl:ns/pod/agent/user", "local",
	"exec:ssh host" };

/* Longest program. */
#define PROGRAM_MAX	512

static struct slice given;	/* in place of a good program */

/* An engine is asked about the last word. */
static void
look(const struct child_spec *spec)
{
	size_t n = 0;

	while (spec->argv[n] != NULL)
		n++;
	assert(n > 1);
	if (spec->in == CHILD_NULL)
		assert(spec->argv[n - 1][0] != '-' &&
		    spec->argv[n - 1][0] != '\0');
}

/* Whether the script said that programs are there, and ended well. */
static bool
said_ok(void)
{
	static const char mark[] = "bottle-install: ok ";

	return engine.status == 0 && engine.out.len > 0 &&
	    memmem(engine.out.p, engine.out.len, mark, sizeof(mark) - 1) !=
	    NULL;
}

int
__wrap_ownfile_path(const char *path, char out[static PATH_MAX], char *why,
    size_t whylen)
{
	(void)why;
	(void)whylen;
	(void)snprintf(out, PATH_MAX, "%s", path);
	return ST_OK;
}

/* A program that does nothing, for a processor: an ELF head and one entry of
 * what is loaded; or what the input has for it. */
static size_t
program(const char *arch, uint8_t p[static PROGRAM_MAX])
{
	static const struct {
		const char	*arch;
		uint8_t		 wide, order, machine;
	} table[] = {
		{ "x86_64", 2, 1, 62 }, { "aarch64", 2, 1, 183 },
		{ "armv7l", 1, 1, 40 }, { "i686", 1, 1, 3 },
		{ "riscv64", 2, 1, 243 }, { "ppc64le", 2, 1, 21 },
		{ "s390x", 2, 2, 22 },
	};
	size_t i = 0, low, head;

	if (given.p != NULL) {
		memcpy(p, given.p, given.len);
		return given.len;
	}
	while (strcmp(table[i].arch, arch) != 0)
		i++;
	low = table[i].order == 2;
	head = table[i].wide == 2 ? 64 : 52;
	memset(p, 0, PROGRAM_MAX);
	memcpy(p, "\177ELF", 4);
	p[4] = table[i].wide;
	p[5] = table[i].order;
	p[16 + low] = 2;
	p[18 + low] = table[i].machine;
	p[(head == 64 ? 32 : 28) + low * (head == 64 ? 7 : 3)] = (uint8_t)head;
	p[(head == 64 ? 54 : 42) + low] = 56;
	p[(head == 64 ? 56 : 44) + low] = 1;
	p[head + low * 3] = 1;
	return head + 56;
}

/* The programs of a processor, and their SHA256SUMS. */
int
__wrap_ownfile_read(const char *path, size_t max, char **out, size_t *len,
    char *why, size_t whylen)
{
	static const char *const names[] = { "bottle-agent", "bottle-forward",
		"bottle-ssh-keygen" };
	uint8_t digest[DIGEST_SHA256], bytes[PROGRAM_MAX];
	char arch[INSTALL_ARCH_MAX + 1], *room = (char *)fuzz_alloc(1024);
	struct text t;

	(void)why;
	(void)whylen;
	assert(sscanf(path, "/programs/%16[a-z0-9_]/", arch) == 1);
	*len = program(arch, bytes);
	assert(*len < 1024 && max >= 1024);
	*out = room;
	if (strstr(path, "SHA256SUMS") == NULL) {
		memcpy(room, bytes, *len);
		return ST_OK;
	}
	digest_sha256(bytes, *len, digest);
	text_init(&t, room, 1024);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(digest); k++)
			text_addf(&t, "%02x", digest[k]);
		text_addf(&t, "  %s\n", names[i]);
	}
	*len = t.len;
	return ST_OK;
}

/* What the input has as a program, for a processor of 64 bits. */
static void
run_program(void)
{
	static const char *const archs[] = { "x86_64", "aarch64", "i686",
		"s390x" };
	struct install_set set;
	char why[INSTALL_WHY_MAX] = "";
	int st;

	given = engine_take();
	if (given.p == NULL)
		given.p = (const uint8_t *)"";
	if (given.len > PROGRAM_MAX)
		given.len = PROGRAM_MAX;
	st = install_read("/programs", archs[engine.codes % 4], &set, why,
	    sizeof(why));
	assert(st == ST_OK || st == ST_MALFORMED);
	if (st == ST_OK) {
		assert(given.len > 52 && memcmp(given.p, "\177ELF", 4) == 0);
		assert(set.program[2].len == given.len);
	} else {
		assert(why[0] != '\0' && set.program[0].p == NULL);
		fuzz_printable(why, sizeof(why));
	}
	install_set_fini(&set);
	install_set_fini(&set);
	given = (struct slice){ NULL, 0 };
}

static void
run_install(const struct target *t)
{
	const struct install how = { .programs = "/programs", .path = "/bin" };
	struct install_report report;
	char why[INSTALL_WHY_MAX] = "";
	int st;

	st = install_programs(t, &how, &report, why, sizeof(why));
	assert(st == ST_OK || st == ST_UNSUPPORTED || st == ST_DENIED ||
	    st == ST_CLOSED || st == ST_BUSY || st == ST_TOO_LARGE);
	if (st == ST_OK) {
		assert(said_ok() && report.arch[0] != '\0');
		fuzz_printable(report.bin, sizeof(report.bin));
		return;
	}
	assert(why[0] != '\0');
	fuzz_printable(why, sizeof(why));
}

static void
run_report(const struct target *t, uint8_t flags)
{
	const struct launch run = { .program = "bottle-agent",
		.bin = (flags & 1) != 0 ? "/opt/bin" : NULL,
		.user = (flags & 2) != 0 ? "1000" : NULL };
	struct target_report r;
	int status = (flags & 4) != 0 ? 9 : engine_status();
	struct slice out = engine_take(), err = engine_take();
	enum launch_end end = launch_report(t, &run, status, out, err, &r);

	assert(end <= LAUNCH_UNREACHED);
	assert(status != 0 || end == LAUNCH_RAN);
	if (end == LAUNCH_NO_PROGRAM)
		assert(WEXITSTATUS(status) == 127 || t->kind >= TARGET_DOCKER);
	assert(r.what[0] != '\0');
	fuzz_printable(r.what, sizeof(r.what));
	fuzz_printable(r.advice, sizeof(r.advice));
	fuzz_printable(r.said, sizeof(r.said));
}

/* A version with something behind it. */
static void
run_version(void)
{
	struct slice hello = engine_take();
	uint8_t *more = fuzz_alloc(hello.len + 3);
	bool older = launch_is_older(hello);

	if (hello.len > 0)
		memcpy(more, hello.p, hello.len);
	memcpy(more + hello.len, " mc", 3);
	/* The machine does not count. */
	assert(launch_is_older((struct slice){ more, hello.len + 3 }) == older);
	memcpy(more + hello.len, "-rc", 3);
	/* What comes before it is older still. */
	if (older && memchr(more, ' ', hello.len) == NULL &&
	    hello.len > 0 && memchr("0123456789", more[hello.len - 1], 10))
		assert(launch_is_older((struct slice){ more, hello.len + 3 }));
	free(more);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	char why[256];
	int st;

	if (size < 3)
		return 0;
	st = target_parse(targets[data[0] %
	    (sizeof(targets) / sizeof(targets[0]))], &t, why, sizeof(why));
	assert(st == ST_OK);
	(void)st;
	engine_begin((struct slice){ data + 3, size - 3 }, data[2], look);
	if (data[1] % 4 == 0)
		run_install(&t);
	else if (data[1] % 4 == 1)
		run_report(&t, data[1] >> 4);
	else if (data[1] % 4 == 2)
		run_version();
	else
		run_program();
	return 0;
}
