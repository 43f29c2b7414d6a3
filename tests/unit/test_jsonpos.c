/*
 * Where things stand in a JSON text, and what is wrong with one that is none.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "provision/jsonpos.h"

/* The text, on the heap, so that a sanitizer sees its end. */
static struct jsonpos_text
text_of(const char *p, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return (struct jsonpos_text){ copy, len };
}

static void
drop(struct jsonpos_text t)
{
	free((void *)(uintptr_t)t.p);
}

#define TEXT(s)	s, sizeof(s) - 1

static void
a_document_is_good_where_the_library_takes_it(void **state)
{
	static const struct {
		const char	*p;
		size_t		 len;
	} table[] = {
		{ TEXT("{}") },
		{ TEXT("[]") },
		{ TEXT(" \t\r\n[ ]\n") },
		{ TEXT("[0,-0,1,10,-1.5,0.0,1e3,1E+3,1.25e-10]") },
		{ TEXT("[true,false,null]") },
		{ TEXT("[\"\",\"a\",\"\\\"\",\"\\\\\","
		    "\"\\/\\b\\f\\n\\r\\t\"]") },
		{ TEXT("[\"\\u00e4\\uD83D\\ude00 \xc3\xa4 \x7f ]}{[\"]") },
		{ TEXT("{\"a\":{\"b\":[{},[],[[]]]},\"\":1}") },
		{ TEXT("[[[[[[[[1]]]]]]],2]") },
	};
	struct jsonpos_text t;
	const char *what;
	json_t *json;
	size_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		t = text_of(table[i].p, table[i].len);
		if (jsonpos_check(t, &at, &what) != ST_OK)
			fail_msg("%s: %zu: %s", table[i].p, at, what);
		assert_null(what);
		json = json_loadb(t.p, t.len, 0, NULL);
		assert_non_null(json);
		json_decref(json);
		drop(t);
	}
}

static void
a_mistake_has_its_place_and_its_remedy(void **state)
{
	static const struct {
		const char	*p;
		size_t		 len;
		size_t		 at;
		const char	*what;	/* how it begins */
	} table[] = {
		{ TEXT(""), 0, "there is nothing in it" },
		{ TEXT(" \n"), 2, "there is nothing in it" },
		{ TEXT("\xef\xbb\xbf[]"), 0, "it begins with a byte order" },
		{ TEXT("1"), 0, "it must begin with { or [" },
		{ TEXT(" \"a\""), 1, "it must begin with { or [" },
		{ TEXT("}"), 0, "it must begin with { or [" },
		{ TEXT("[] []"), 3, "there is something behind the end" },
		{ TEXT("{}}"), 2, "there is something behind the end" },
		{ TEXT("[],"), 2, "there is something behind the end" },
		/* Brackets. */
		{ TEXT("["), 0, "this [ is not closed" },
		{ TEXT("[{\"a\":1]"), 7, "a } is missing before this ]" },
		{ TEXT("{\"a\":[1}"), 7, "a ] is missing before this }" },
		{ TEXT("[ {\"a\": [] "), 2, "this { is not closed" },
		{ TEXT("{\"a\""), 0, "this { is not closed" },
		{ TEXT("{\"a\":"), 0, "this { is not closed" },
		{ TEXT("[1,"), 0, "this [ is not closed" },
		/* Commas. */
		{ TEXT("[1,]"), 2, "there is nothing behind this comma" },
		{ TEXT("{\"a\":1 , }"), 7, "there is nothing behind this" },
		{ TEXT("[1,,2]"), 3, "there is nothing before this comma" },
		{ TEXT("[,1]"), 1, "there is nothing before this comma" },
		{ TEXT("{,}"), 1, "there is nothing before this comma" },
		{ TEXT("{\"a\":1,,}"), 7, "there is nothing before this" },
		{ TEXT("[1 2]"), 3, "a comma is missing before this" },
		{ TEXT("[\"a\"\n\"b\"]"), 5, "a comma is missing before" },
		{ TEXT("[{} {}]"), 4, "a comma is missing before this" },
		{ TEXT("{\"a\":1 \"b\":2}"), 7, "a comma is missing" },
		/* Keys. */
		{ TEXT("{a:1}"), 1, "a key must be here, in double quotes" },
		{ TEXT("{1:1}"), 1, "a key must be here, in double quotes" },
		{ TEXT("{\"a\":1,b:2}"), 7, "a key must be here" },
		{ TEXT("{{}:1}"), 1, "a key must be here" },
		{ TEXT("{:1}"), 1, "a key must be here" },
		{ TEXT("{\"a\" 1}"), 5, "a : is missing before this" },
		{ TEXT("{\"a\",1}"), 4, "a : is missing before this" },
		{ TEXT("{\"a\"}"), 4, "behind a key there must be a : and" },
		{ TEXT("{\"a\":}"), 5, "a value is missing behind the :" },
		{ TEXT("{\"a\"::1}"), 5, "a value is missing before this :" },
		{ TEXT("{\"a\":1:2}"), 6, "there is a second : here" },
		{ TEXT("[\"a\":1]"), 4, "an array [] has no keys" },
		/* Words. */
		{ TEXT("[True]"), 1, "true, false and null are written in" },
		{ TEXT("[NULL]"), 1, "true, false and null are written in" },
		{ TEXT("[tru]"), 1, "a text must be in double quotes" },
		{ TEXT("[truefalse]"), 1, "a text must be in double quotes" },
		{ TEXT("[\xc3\xa4]"), 1, "a text must be in double quotes" },
		{ TEXT("[01]"), 1, "this is no number as JSON has them" },
		{ TEXT("[00]"), 1, "this is no number" },
		{ TEXT("[-]"), 1, "this is no number" },
		{ TEXT("[-01]"), 1, "this is no number" },
		{ TEXT("[+1]"), 1, "this is no number" },
		{ TEXT("[.5]"), 1, "this is no number" },
		{ TEXT("[1.]"), 1, "this is no number" },
		{ TEXT("[1.e2]"), 1, "this is no number" },
		{ TEXT("[1e]"), 1, "this is no number" },
		{ TEXT("[1e+]"), 1, "this is no number" },
		{ TEXT("[0x10]"), 1, "this is no number" },
		{ TEXT("[1true]"), 1, "this is no number" },
		{ TEXT("[1-2]"), 1, "this is no number" },
		/* What other notations have. */
		{ TEXT("['a']"), 1, "quotes must be double ones" },
		{ TEXT("[1 // one\n]"), 3, "JSON has no comments" },
		{ TEXT("# one\n[]"), 0, "JSON has no comments" },
		{ TEXT("[1]\0"), 3, "there is a NUL byte" },
		{ TEXT("[1;2]"), 2, "this character has no place here" },
		{ TEXT("[\x01]"), 1, "this character has no place here" },
		/* Strings. */
		{ TEXT("[\"a]"), 1, "this text has no closing quote" },
		{ TEXT("[\"a\n\"]"), 1, "this text has no closing quote" },
		{ TEXT("[\"a\\\n\"]"), 1, "this text has no closing quote" },
		{ TEXT("[\""), 1, "this text has no closing quote" },
		{ TEXT("[\"\\\""), 1, "this text has no closing quote" },
		{ TEXT("[\"\\"), 1, "this text has no closing quote" },
		{ TEXT("{\"a"), 1, "this text has no closing quote" },
		{ TEXT("[\"a\tb\"]"), 3, "a control character (a tab?)" },
		{ TEXT("[\"a\0b\"]"), 3, "a control character" },
		{ TEXT("[\"C:\\Users\"]"), 4, "behind a backslash there" },
		{ TEXT("[\"\\\0\"]"), 2, "behind a backslash there" },
		{ TEXT("{\"a\\x\":1}"), 3, "behind a backslash there" },
		{ TEXT("[\"\\u12\"]"), 2, "behind \\u there must be four" },
		{ TEXT("[\"\\u12g4\"]"), 2, "behind \\u there must be four" },
		{ TEXT("[\"x\\u0000\"]"), 3, "a NUL byte (\\u0000)" },
		{ TEXT("{\"\\u0000\":1}"), 2, "a NUL byte (\\u0000)" },
		{ TEXT("[\"\\ud83d\"]"), 2, "this is one half of" },
		{ TEXT("[\"\\ud83dxxxxxx\"]"), 2, "this is one half of" },
		{ TEXT("[\"\\ud83d\\u0041\"]"), 2, "this is one half of" },
		{ TEXT("[\"\\ude00\\ude00\"]"), 2, "this is one half of" },
	};
	struct jsonpos_text t;
	const char *what;
	size_t at;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		t = text_of(table[i].p, table[i].len);
		st = jsonpos_check(t, &at, &what);
		if (st != ST_MALFORMED)
			fail_msg("%zu: %s: %d", i, table[i].p, st);
		if (at != table[i].at || strncmp(what, table[i].what,
		    strlen(table[i].what)) != 0)
			fail_msg("%zu: %s: %zu: %s", i, table[i].p, at, what);
		assert_null(json_loadb(t.p, t.len, 0, NULL));
		drop(t);
	}
}

static void
nesting_is_limited(void **state)
{
	char room[2 * (JSONPOS_DEPTH_MAX + 1) + 1];
	struct jsonpos_text t = { room, 0 };
	const char *what;
	char limit[16];
	size_t at;

	(void)state;
	memset(room, '[', JSONPOS_DEPTH_MAX);
	memset(room + JSONPOS_DEPTH_MAX, ']', JSONPOS_DEPTH_MAX);
	t.len = (size_t)2 * JSONPOS_DEPTH_MAX;
	assert_int_equal(jsonpos_check(t, &at, &what), ST_OK);
	memset(room, '[', JSONPOS_DEPTH_MAX + 1);
	memset(room + JSONPOS_DEPTH_MAX + 1, ']', JSONPOS_DEPTH_MAX + 1);
	t.len += 2;
	assert_int_equal(jsonpos_check(t, &at, &what), ST_TOO_LARGE);
	assert_int_equal(at, JSONPOS_DEPTH_MAX);
	/* The number in the message is the limit. */
	(void)snprintf(limit, sizeof(limit), " %d ", JSONPOS_DEPTH_MAX);
	assert_non_null(strstr(what, limit));
}

static void
a_place_is_what_an_editor_shows(void **state)
{
	static const char p[] = "a\n\tb\r\n\xc3\xa4\xf0\x9f\x98\x80z\n";
	static const struct {
		size_t		 at;
		unsigned	 line, column;
	} table[] = {
		{ 0, 1, 1 }, { 1, 1, 2 }, { 2, 2, 1 }, { 3, 2, 2 },
		{ 6, 3, 1 }, { 8, 3, 2 }, { 12, 3, 3 }, { 14, 4, 1 },
		{ 15, 4, 1 }, { SIZE_MAX, 4, 1 },
	};
	struct jsonpos_text t = text_of(p, sizeof(p) - 1);
	struct jsonpos_place place;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		place = jsonpos_place(t, table[i].at);
		assert_int_equal(place.line, table[i].line);
		assert_int_equal(place.column, table[i].column);
	}
	drop(t);
}

/* The items of the container at ${at}, as "KEY=VALUE|" or "VALUE|". */
static const char *
items(struct jsonpos_text t, size_t at)
{
	static char out[256];
	struct jsonpos_item item;
	size_t len = 0;
	bool more;

	out[0] = '\0';
	for (more = jsonpos_first(t, at, &item); more;
	    more = jsonpos_next(t, &item)) {
		if (item.key != item.value)
			len += (size_t)snprintf(out + len, sizeof(out) - len,
			    "%.3s=", t.p + item.key);
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s|",
		    (int)(item.end - item.value), t.p + item.value);
	}
	return out;
}

static void
items_are_walked_in_the_order_of_the_text(void **state)
{
	static const struct {
		const char	*p;
		size_t		 at;
		const char	*items;
	} table[] = {
		{ "{}", 0, "" },
		{ "[ ]", 0, "" },
		{ "[1]", 0, "1|" },
		{ " [ 1 , \"a\" ,\ntrue ] ", 1, "1|\"a\"|true|" },
		{ "{\"a\":1,\"b\" : [2,{}]}", 0, "\"a\"=1|\"b\"=[2,{}]|" },
		{ "{\"a\":1,\"b\" : [2,{}]}", 13, "2|{}|" },
		/* Brackets and commas in strings are none. */
		{ "{\"]\":\"}\",\"{\":[\"],[\"],\"\\\"\":1}", 0,
		    "\"]\"=\"}\"|\"{\"=[\"],[\"]|\"\\\"=1|" },
		{ "[[[]],[],[{}]]", 0, "[[]]|[]|[{}]|" },
		/* No container is here. */
		{ "[\"a\",1]", 1, "" },
		{ "[\"a\",1]", 7, "" },
		{ "[\"a\",1]", 99, "" },
		/* No document: whatever is said, it ends. */
		{ "[1 2", 0, "1|" },
		{ "[1,", 0, "1|" },
		{ "{\"a\":", 0, "\"a\"=|" },
		{ "[[1,2", 0, "[1,2|" },
	};
	struct jsonpos_text t;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		t = text_of(table[i].p, strlen(table[i].p));
		assert_string_equal(items(t, table[i].at), table[i].items);
		drop(t);
	}
}

static void
a_token_is_found_by_any_byte_of_it(void **state)
{
	static const char p[] = "{ \"ab\\\"c\" :12,tru";
	static const size_t begins[] = {
		0, 2, 2, 2, 2, 2, 2, 2, 2, 10, 10, 11, 11, 13, 14, 14, 14, 17
	};
	struct jsonpos_text t = text_of(p, sizeof(p) - 1);

	(void)state;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (jsonpos_token(t, i) != begins[i])
			fail_msg("%zu: %zu", i, jsonpos_token(t, i));
	assert_int_equal(jsonpos_token(t, SIZE_MAX), sizeof(p) - 1);
	drop(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_good_where_the_library_takes_it),
		cmocka_unit_test(a_mistake_has_its_place_and_its_remedy),
		cmocka_unit_test(nesting_is_limited),
		cmocka_unit_test(a_place_is_what_an_editor_shows),
		cmocka_unit_test(items_are_walked_in_the_order_of_the_text),
		cmocka_unit_test(a_token_is_found_by_any_byte_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
