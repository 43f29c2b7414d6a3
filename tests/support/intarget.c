/*
 * intarget TARGET install DIR [BIN]
 * intarget TARGET launch USER BIN PROGRAM [ARGUMENT]...
 *
 * Put our programs into a target, or run one there; USER and BIN can be "-".
 * stdout has what the program there prints; stderr "end N", which is an enum
 * launch_end, or "status NAME", and what is said about it.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provision/install.h"
#include "provision/launch.h"

static char why[INSTALL_WHY_MAX];

/* NULL for "-". */
static const char *
given(const char *word)
{
	return strcmp(word, "-") == 0 ? NULL : word;
}

static int
failed(int st)
{
	(void)fprintf(stderr, "status %s\n%s\n", status_name(st), why);
	return 1;
}

static int
put(const struct target *t, const char *dir, const char *bin)
{
	struct install how = { dir, getenv("PATH"), bin, 60000 };
	struct install_report report;
	int st;

	st = install_programs(t, &how, &report, why, sizeof(why));
	if (st != ST_OK)
		return failed(st);
	(void)printf("%s %s\n", report.arch, report.bin);
	return 0;
}

static struct slice
kept(const struct child_text *text)
{
	return (struct slice){ (const uint8_t *)text->p, text->len };
}

static int
run(const struct target *t, const struct launch *what)
{
	struct child_spec spec = { .out = CHILD_KEEP, .err = CHILD_KEEP,
		.out_max = 65536, .err_max = 65536, .time_ms = 60000 };
	struct target_command cmd;
	struct target_report r;
	enum launch_end end;
	struct child c;
	int st;

	st = launch_command(t, what, getenv("PATH"), &cmd, why, sizeof(why));
	if (st != ST_OK)
		return failed(st);
	target_command_spec(&cmd, &spec);
	st = child_run(&c, &spec, why, sizeof(why));
	if (st != ST_OK)
		return failed(st);
	end = launch_report(t, what, c.status, kept(&c.out_text),
	    kept(&c.err_text), &r);
	(void)printf("%s", c.out_text.p != NULL ? c.out_text.p : "");
	(void)fprintf(stderr, "end %d\n%s\n%s\n%s\n", (int)end, r.what,
	    r.advice, r.said);
	child_fini(&c);
	target_command_fini(&cmd);
	return end == LAUNCH_RAN ? r.code : 1;
}

int
main(int argc, char **argv)
{
	struct launch what = { NULL, NULL, NULL, 0, NULL };
	struct target t;

	child_signals();
	if (argc < 4 || target_parse(argv[1], &t, why, sizeof(why)) != ST_OK)
		return 2;
	if (strcmp(argv[2], "install") == 0)
		return put(&t, argv[3], argc > 4 ? given(argv[4]) : NULL);
	if (argc < 6)
		return 2;
	what.user = given(argv[3]);
	what.bin = given(argv[4]);
	what.program = argv[5];
	what.args = (const char *const *)argv + 6;
	what.nargs = (size_t)argc - 6;
	return run(&t, &what);
}
