/*
 * The table of options: how a command line is walked, what is offered for a
 * misspelt name, and what --help prints.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/option.h"

#define ARGS_MAX	16
#define WHY_MAX		256

enum {
	OPT_ALL,
	OPT_FILE,
	OPT_LEVEL,
	OPT_NAMELESS,
	OPT_QUIET,
	OPT_LONG,
	OPT_NEARLY,
	OPT_FITS,
	OPTS
};

static const struct option_row rows[OPTS] = {
	[OPT_ALL] = { 'a', "all", NULL, 0, 0, "take all" },
	[OPT_FILE] = { 'f', "file", "FILE", 0, 0, "read FILE\nand end" },
	[OPT_LEVEL] = { 0, "level", "N", 1, 0, "how much" },
	[OPT_NAMELESS] = { 'n', NULL, "WORD", 1, 0, "a letter only" },
	[OPT_QUIET] = { 0, "quiet", NULL, 1, 0, "say nothing" },
	[OPT_LONG] = { 0, "a-name-that-fills-the-column", NULL, 1, 0,
	    "below" },
	[OPT_NEARLY] = { 0, "ends-one-before-the", NULL, 1, 0, "below, too" },
	[OPT_FITS] = { 0, "ends-two-before-it", NULL, 1, 0, "beside" },
};

static const char *const titles[] = { "First", "Second" };

static const struct option_table table = {
	.rows = rows,
	.n = OPTS,
	.head = "usage: prog\n",
	.titles = titles,
	.groups = 2,
};

/* A walk over words. */
struct line {
	char			 text[256];
	char			*argv[ARGS_MAX];
	struct option_walk	 walk;
	char			 why[WHY_MAX];
	size_t			 row;
	const char		*arg;
};

/* Begin with ${words}, separated by single blanks; '' is an empty one. */
static void
begin(struct line *l, const char *words)
{
	static char program[] = "prog";
	char *save = NULL;
	char *word;

	*l = (struct line){ .walk = { .table = &table, .argv = l->argv,
		.at = 1 } };
	assert_true(strlen(words) < sizeof(l->text));
	memcpy(l->text, words, strlen(words) + 1);
	l->argv[l->walk.argc++] = program;
	for (word = strtok_r(l->text, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "''") == 0)
			word[0] = '\0';
		assert_true(l->walk.argc < ARGS_MAX - 1);
		l->argv[l->walk.argc++] = word;
	}
}

static int
next(struct line *l)
{
	return option_next(&l->walk, &l->row, &l->arg, l->why,
	    sizeof(l->why));
}

/* The next option is ${row} with ${arg}. */
static void
expect(struct line *l, size_t row, const char *arg)
{
	assert_int_equal(next(l), ST_OK);
	assert_int_equal(l->row, row);
	if (arg == NULL)
		assert_null(l->arg);
	else
		assert_string_equal(l->arg, arg);
}

/* There are no more, and ${at} words were walked over. */
static void
expect_end(struct line *l, int at)
{
	assert_int_equal(next(l), ST_CLOSED);
	assert_int_equal(l->walk.at, at);
	assert_string_equal(l->why, "");
}

static void
an_argument_comes_in_four_forms(void **state)
{
	static const char *const lines[] = {
		"-fX", "-f X", "--file=X", "--file X",
	};
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		begin(&l, lines[i]);
		expect(&l, OPT_FILE, "X");
		expect_end(&l, l.walk.argc);
	}
}

static void
letters_combine(void **state)
{
	struct line l;

	(void)state;
	begin(&l, "-aafX -aan -a -a");
	expect(&l, OPT_ALL, NULL);
	expect(&l, OPT_ALL, NULL);
	expect(&l, OPT_FILE, "X");
	expect(&l, OPT_ALL, NULL);
	expect(&l, OPT_ALL, NULL);
	expect(&l, OPT_NAMELESS, "-a");
	expect(&l, OPT_ALL, NULL);
	expect_end(&l, 5);
}

static void
arguments_may_be_empty_or_look_like_options(void **state)
{
	struct line l;

	(void)state;
	begin(&l, "--file= --file '' -f '' -f -- --level --quiet --file=a=b");
	expect(&l, OPT_FILE, "");
	expect(&l, OPT_FILE, "");
	expect(&l, OPT_FILE, "");
	expect(&l, OPT_FILE, "--");
	expect(&l, OPT_LEVEL, "--quiet");
	expect(&l, OPT_FILE, "a=b");
	expect_end(&l, 11);
}

static void
options_end_at_a_word_or_behind_two_dashes(void **state)
{
	struct line l;

	(void)state;
	begin(&l, "-a word -a");
	expect(&l, OPT_ALL, NULL);
	expect_end(&l, 2);
	begin(&l, "-a -- -a");
	expect(&l, OPT_ALL, NULL);
	expect_end(&l, 3);
	begin(&l, "-a - -a");
	expect(&l, OPT_ALL, NULL);
	expect_end(&l, 2);
	begin(&l, "-a '' -a");
	expect(&l, OPT_ALL, NULL);
	expect_end(&l, 2);
	begin(&l, "");
	expect_end(&l, 1);
	begin(&l, "--");
	expect_end(&l, 2);
}

static void
what_is_wrong_is_said_in_one_line(void **state)
{
	static const struct {
		const char	*words;
		const char	*why;
	} t[] = {
		{ "-x", "unknown option -x; see --help" },
		{ "-ax", "unknown option -x; see --help" },
		{ "-quiet", "unknown option -quiet; did you mean --quiet?" },
		{ "-level=1", "unknown option -level; did you mean --level?" },
		{ "-quite", "unknown option -q; see --help" },
		{ "-aquiet", "unknown option -q; see --help" },
		{ "-\x1b", "unknown option -\\x1b; see --help" },
		{ "--x", "unknown option --x; see --help" },
		{ "--quit", "unknown option --quit; did you mean --quiet?" },
		{ "--fiel=X", "unknown option --fiel; did you mean --file?" },
		{ "--qui", "unknown option --qui; did you mean --quiet?" },
		{ "--=X", "unknown option --; see --help" },
		{ "---", "unknown option ---; see --help" },
		{ "--x\ny", "unknown option --x\\x0ay; see --help" },
		{ "--quiet=1", "--quiet takes no value" },
		{ "--quiet=", "--quiet takes no value" },
		{ "--level", "--level needs N" },
		{ "--file", "--file needs FILE" },
		{ "-f", "-f needs FILE" },
		{ "-an", "-n needs WORD" },
	};
	struct line l;
	size_t i;
	int st;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin(&l, t[i].words);
		do {
			st = next(&l);
		} while (st == ST_OK);
		assert_int_equal(st, ST_MALFORMED);
		assert_string_equal(l.why, t[i].why);
	}
}

static void
long_unknown_names_are_cut(void **state)
{
	char word[2 + 2 * OPTION_NAME_MAX + 1] = "--";
	struct line l;

	(void)state;
	memset(word + 2, 'x', 2 * OPTION_NAME_MAX);
	begin(&l, word);
	assert_int_equal(next(&l), ST_MALFORMED);
	assert_int_equal(strlen(l.why), strlen("unknown option --; see --help")
	    + OPTION_NAME_MAX);
}

static void
nearest_is_two_edits_away_at_most(void **state)
{
	static const struct {
		const char	*name;
		const char	*found;
	} t[] = {
		{ "file", "file" },
		{ "fil", "file" },
		{ "files", "file" },
		{ "flie", "file" },
		{ "fxlx", "file" },
		{ "fxxx", NULL },
		{ "ile", "file" },
		{ "xfile", "file" },
		{ "xxlevel", "level" },
		{ "xxxlevel", NULL },
		{ "lee", "level" },
		{ "eve", "level" },
		{ "alx", "all" },
		/* Two are near: the nearer one, wherever it stands. */
		{ "fall", "all" },
		{ "flle", "file" },
		{ "a-name-that-fills-the-column12", "a-name-that-fills-the-column" },
		{ "level1", "level" },
		{ "levelxx", "level" },
		{ "levelxxx", NULL },
		{ "fi", NULL },		/* too short to guess from */
		{ "", NULL },
		{ "a-name", "a-name-that-fills-the-column" },
	};
	const char *found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		found = option_nearest(&table, t[i].name, strlen(t[i].name));
		if (t[i].found == NULL)
			assert_null(found);
		else
			assert_string_equal(found, t[i].found);
	}
	assert_null(option_nearest(&table,
	    "fileeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", OPTION_NAME_MAX + 1));
}

static void
rows_are_found_and_named_by_letter(void **state)
{
	(void)state;
	assert_int_equal(option_letter(&table, 'a'), OPT_ALL);
	assert_int_equal(option_letter(&table, 'n'), OPT_NAMELESS);
	assert_int_equal(option_letter(&table, 'x'), OPTS);
	/* Rows without a letter have 0 in its place. */
	assert_int_equal(option_letter(&table, 0), OPTS);
	assert_string_equal(option_label(&rows[OPT_FILE]).text, "-f");
	assert_string_equal(option_label(&rows[OPT_LEVEL]).text, "--level");
	assert_string_equal(option_show("a\tb", 3).text, "a\\x09b");
	assert_string_equal(option_show("abc", 2).text, "ab");
}

static void
words_of_strangers_are_shown_cut_and_whole(void **state)
{
	char word[OPTION_NAME_MAX + 1];
	size_t i;

	(void)state;
	/* Each of them takes four characters. */
	memset(word, '\x01', sizeof(word));
	assert_int_equal(strlen(option_show(word, sizeof(word)).text),
	    (size_t)4 * OPTION_NAME_MAX);
	for (i = 0; i < OPTION_NAME_MAX; i++)
		assert_memory_equal(
		    option_show(word, sizeof(word)).text + 4 * i, "\\x01", 4);
}

static void
usage_has_every_row_under_its_title(void **state)
{
	char *text = option_usage(&table);

	(void)state;
	assert_non_null(text);
	assert_string_equal(text,
	    "usage: prog\n"
	    "\n"
	    "First:\n"
	    "  -a, --all                 take all\n"
	    "  -f, --file FILE           read FILE\n"
	    "                            and end\n"
	    "\n"
	    "Second:\n"
	    "      --level N             how much\n"
	    "  -n WORD                   a letter only\n"
	    "      --quiet               say nothing\n"
	    "      --a-name-that-fills-the-column\n"
	    "                            below\n"
	    "      --ends-one-before-the\n"
	    "                            below, too\n"
	    "      --ends-two-before-it  beside\n");
	free(text);
}

/* --- whole command lines -------------------------------------------------- */

enum { CMD_PUT, CMD_GET, CMD_LIST, CMDS };

enum { LINE_FORCE, LINE_FILE, LINE_TAG, LINE_VERBOSE, LINE_HELP, LINES };

#define ON(command)	(1u << (command))

static const struct option_row line_rows[LINES] = {
	[LINE_FORCE] = { 'f', "force", NULL, 0, ON(CMD_PUT) | ON(CMD_GET),
	    "do it" },
	[LINE_FILE] = { 'o', "file", "FILE", 0, ON(CMD_GET), "to FILE" },
	[LINE_TAG] = { 0, "tag", "TAG", 1, ON(CMD_LIST) | OPTION_AGAIN,
	    "with TAG" },
	[LINE_VERBOSE] = { 'v', "verbose", NULL, 1,
	    OPTION_FIRST | OPTION_AGAIN, "say more" },
	[LINE_HELP] = { 'h', "help", NULL, 1, OPTION_FIRST, "print this" },
};

static const struct option_command line_commands[CMDS] = {
	[CMD_PUT] = { "put", "store", "usage: prog put\n" },
	[CMD_GET] = { "fetch", "get back", "usage: prog fetch\n" },
	[CMD_LIST] = { "list", "show", "usage: prog list\n" },
};

static const struct option_table line_table = {
	.rows = line_rows,
	.n = LINES,
	.head = "usage: prog COMMAND\n",
	.titles = titles,
	.groups = 2,
	.commands = line_commands,
	.n_commands = CMDS,
	.example = "prog put WORD",
};

/* What take_one() was called with: "force file=X ". */
static char taken[256];

static int
take_one(struct option_line *line, size_t row, const char *arg, char *w,
    size_t wlen)
{
	char *end = taken + strlen(taken);

	assert_ptr_equal(line->cookie, taken);
	(void)snprintf(end, sizeof(taken) - strlen(taken), "%s%s%s ",
	    line->given[row].text, arg != NULL ? "=" : "",
	    arg != NULL ? arg : "");
	if (arg != NULL && strcmp(arg, "bad") == 0) {
		(void)snprintf(w, wlen, "%s is bad", line->given[row].text);
		return ST_MALFORMED;
	}
	return row == LINE_HELP ? ST_CLOSED : ST_OK;
}

/* Parse ${words} as a whole, with the commands ${have}. */
static int
parse_line(struct line *l, struct option_line *out, const char *words,
    bool mixed, unsigned have)
{
	static struct option_table t;

	t = line_table;
	t.have = have;
	begin(l, words);
	taken[0] = '\0';
	*out = (struct option_line){ .table = &t, .argc = l->walk.argc,
		.argv = l->argv, .mixed = mixed, .take = take_one,
		.cookie = taken };
	return option_line_parse(out, l->why, sizeof(l->why));
}

/* The words of a line with single blanks between them. */
static const char *
joined(const struct option_line *o)
{
	static char text[256];

	text[0] = '\0';
	for (size_t i = 0; i < o->n_words; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, o->words[i]);
	}
	return text;
}

static void
a_line_is_a_command_with_options_and_words(void **state)
{
	static const struct {
		const char	*line;
		bool		 mixed;
		size_t		 command;
		const char	*taken, *words;
	} t[] = {
		{ "put", false, CMD_PUT, "", "" },
		{ "put a b", false, CMD_PUT, "", "a b" },
		{ "-v put -f a -f", false, CMD_PUT, "-v -f ", "a -f" },
		{ "-v put a -f b", true, CMD_PUT, "-v -f ", "a b" },
		{ "put a -fv b --", true, CMD_PUT, "-f -v ", "a b" },
		{ "put a -- -f --", true, CMD_PUT, "", "a -f --" },
		{ "put -- -f", false, CMD_PUT, "", "-f" },
		{ "put a -- b", false, CMD_PUT, "", "a -- b" },
		{ "-- put a", true, CMD_PUT, "", "a" },
		{ "-vv fetch -vo X --force", true, CMD_GET,
		    "-v -v -v -o=X --force ", "" },
		{ "list --tag a --tag=b c", true, CMD_LIST, "--tag=a --tag=b ",
		    "c" },
	};
	struct option_line o;
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (parse_line(&l, &o, t[i].line, t[i].mixed, 0) != ST_OK)
			fail_msg("%s: %s", t[i].line, l.why);
		assert_string_equal(l.why, "");
		assert_int_equal(o.command, t[i].command);
		assert_string_equal(taken, t[i].taken);
		assert_string_equal(joined(&o), t[i].words);
	}
}

static void
a_line_can_be_ended_by_an_option(void **state)
{
	struct option_line o;
	struct line l;

	(void)state;
	assert_int_equal(parse_line(&l, &o, "-h nonsense", true, 0), ST_CLOSED);
	assert_int_equal(o.command, CMDS);
	assert_int_equal(parse_line(&l, &o, "put a --help --nonsense", true, 0),
	    ST_CLOSED);
	assert_int_equal(o.command, CMD_PUT);
}

static void
what_is_wrong_with_a_line_is_said(void **state)
{
	static const struct {
		const char	*line, *why;
	} t[] = {
		{ "", "say what to do: prog put WORD" },
		{ "-v", "say what to do: prog put WORD" },
		{ "--", "say what to do: prog put WORD" },
		{ "fetsh", "unknown command fetsh; did you mean fetch?" },
		{ "lst", "unknown command lst; did you mean list?" },
		{ "fet", "unknown command fet; did you mean fetch?" },
		{ "xyz", "unknown command xyz; there are put, fetch and "
		    "list" },
		{ "''", "unknown command ; there are put, fetch and list" },
		{ "p\x1b", "unknown command p\\x1b; there are put, fetch and "
		    "list" },
		{ "-f put", "-f goes behind put" },
		{ "--force put", "--force goes behind put" },
		{ "--file x put", "--file goes with fetch, not with put" },
		{ "put -o x", "-o goes with fetch, not with put" },
		{ "list --force", "--force goes with put and fetch, not with "
		    "list" },
		{ "put --tag bad", "--tag goes with list, not with put" },
		{ "put -f a --force", "--force is given twice" },
		{ "put --force -f", "-f is given twice" },
		{ "list --tag bad", "--tag is bad" },
		{ "list --tag", "--tag needs TAG" },
		/* The command's own options are nearer than others. */
		{ "list --fag x", "unknown option --fag; did you mean --tag?" },
		{ "fetch --fil x", "unknown option --fil; did you mean "
		    "--file?" },
		{ "list --fil x", "unknown option --fil; did you mean "
		    "--file?" },
		{ "list --nonsense", "unknown option --nonsense; see --help" },
	};
	struct option_line o;
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse_line(&l, &o, t[i].line, true, 0),
		    ST_MALFORMED);
		assert_string_equal(l.why, t[i].why);
	}
	/* Not even a name of the program. */
	o = (struct option_line){ .table = &line_table, .argc = 0,
		.argv = l.argv, .take = take_one, .cookie = taken };
	assert_int_equal(option_line_parse(&o, l.why, sizeof(l.why)),
	    ST_MALFORMED);
}

static void
commands_that_are_not_there_are_not_heard_of(void **state)
{
	static const struct {
		const char	*line, *why;
	} t[] = {
		{ "list", "unknown command list; there are put and fetch" },
		{ "lsit", "unknown command lsit; there are put and fetch" },
		{ "put --tag x", "unknown option --tag; see --help" },
		{ "put --tga x", "unknown option --tga; see --help" },
	};
	const unsigned have = ON(CMD_PUT) | ON(CMD_GET);
	struct option_line o;
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse_line(&l, &o, t[i].line, true, have),
		    ST_MALFORMED);
		assert_string_equal(l.why, t[i].why);
	}
}

static void
options_are_called_as_they_were_typed(void **state)
{
	struct option_line o;
	struct line l;

	(void)state;
	assert_int_equal(parse_line(&l, &o, "fetch -f --file x", true, 0),
	    ST_OK);
	assert_string_equal(option_said(&o, LINE_FORCE).text, "-f");
	assert_string_equal(option_said(&o, LINE_FILE).text, "--file");
	assert_string_equal(option_said(&o, LINE_VERBOSE).text, "--verbose");
}

static void
usage_of_commands(void **state)
{
	struct option_table t = line_table;
	char *text = option_usage_command(&t, CMD_GET);

	(void)state;
	assert_non_null(text);
	assert_string_equal(text,
	    "usage: prog fetch\n"
	    "\n"
	    "First:\n"
	    "  -f, --force               do it\n"
	    "  -o, --file FILE           to FILE\n"
	    "\n"
	    "Second:\n"
	    "  -v, --verbose             say more\n"
	    "  -h, --help                print this\n");
	free(text);
	t.have = ON(CMD_PUT) | ON(CMD_LIST);
	text = option_usage_commands(&t);
	assert_non_null(text);
	assert_string_equal(text,
	    "usage: prog COMMAND\n"
	    "\n"
	    "Commands:\n"
	    "  put       store\n"
	    "  list      show\n"
	    "\n"
	    "With any of them:\n"
	    "  -v, --verbose             say more\n"
	    "  -h, --help                print this\n");
	free(text);
	/* A title without rows is left out. */
	text = option_usage_command(&t, CMD_LIST);
	assert_non_null(text);
	assert_null(strstr(text, "First"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_argument_comes_in_four_forms),
		cmocka_unit_test(letters_combine),
		cmocka_unit_test(arguments_may_be_empty_or_look_like_options),
		cmocka_unit_test(options_end_at_a_word_or_behind_two_dashes),
		cmocka_unit_test(what_is_wrong_is_said_in_one_line),
		cmocka_unit_test(long_unknown_names_are_cut),
		cmocka_unit_test(nearest_is_two_edits_away_at_most),
		cmocka_unit_test(rows_are_found_and_named_by_letter),
		cmocka_unit_test(words_of_strangers_are_shown_cut_and_whole),
		cmocka_unit_test(usage_has_every_row_under_its_title),
		cmocka_unit_test(a_line_is_a_command_with_options_and_words),
		cmocka_unit_test(a_line_can_be_ended_by_an_option),
		cmocka_unit_test(what_is_wrong_with_a_line_is_said),
		cmocka_unit_test(commands_that_are_not_there_are_not_heard_of),
		cmocka_unit_test(options_are_called_as_they_were_typed),
		cmocka_unit_test(usage_of_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
