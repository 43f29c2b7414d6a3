/*
 * A load into one target: each word of both sides at each step, and what is
 * sent, told and waited for then.  First without processes: this file is in
 * the place of the channels.  Then with processes: this program is what is run
 * behind exec:, by its arguments.
 */

#include "provision/session.h"
#include "provision/settle.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/text.h"
#include "keys/seal.h"
#include "proto/loadpipe.h"
#include "proto/placepipe.h"
#include "provision/channel.h"
#include "provision/fleet.h"
#include "provision/launch.h"
#include "version.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define KEY16		"0123456789abcdef"
#define ARCH		" x86_64"
#define L_HELLO_OF(v)	"bottle-load: hello " KEY16 KEY16 KEY16 KEY16 " " \
			v ARCH
#define P_HELLO_OF(v)	"bottle-place: hello " v ARCH " /usr/local/bin"
#define L_HELLO		L_HELLO_OF(BOTTLE_VERSION)
#define P_HELLO		P_HELLO_OF(BOTTLE_VERSION)
#define L_STAGED	"bottle-load: staged"
#define P_STAGED	"bottle-place: staged"
#define P_SWITCHED	"bottle-place: switched"
#define P_KEPT		"bottle-place: kept"
#define L_KEY		"bottle-load: key ssh-ed25519 SHA256:abc me@here"
#define L_DONE		"bottle-load: done 1"
#define L_FAILED	"bottle-load: failed 3 7 no"
#define P_FAILED	"bottle-place: failed 1 no"

/* Ends of a program: instead of a line, with waitpid()'s status. */
#define EXIT_OF(n)	"=" #n
#define SIGNALLED	"+9"
#define ENDLESS		"!endless"
#define SILENT		"!silent"

/* --- in the place of the channels ----------------------------------------- */

int __real_channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen);
int __real_channel_send(struct channel *c, struct slice bytes);
void __real_channel_patience(struct channel *c, int64_t ms);
bool __real_channel_is_idle(const struct channel *c);
void __real_channel_hang_up(struct channel *c);
void __real_channel_cut(struct channel *c);
void __real_channel_fds(const struct channel *c,
    struct pollfd fds[static CHILD_FDS]);
int __real_channel_turn(struct channel *c, const struct pollfd *fds,
    const char *mark, channel_line each, void *arg);
void __real_channel_fini(struct channel *c);
int __real_settle_run(const struct settle_how *h, struct settle_result *out);
int __wrap_settle_run(const struct settle_how *h, struct settle_result *out);
int __wrap_channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen);
int __wrap_channel_send(struct channel *c, struct slice bytes);
void __wrap_channel_patience(struct channel *c, int64_t ms);
bool __wrap_channel_is_idle(const struct channel *c);
void __wrap_channel_hang_up(struct channel *c);
void __wrap_channel_cut(struct channel *c);
void __wrap_channel_fds(const struct channel *c,
    struct pollfd fds[static CHILD_FDS]);
int __wrap_channel_turn(struct channel *c, const struct pollfd *fds,
    const char *mark, channel_line each, void *arg);
void __wrap_channel_fini(struct channel *c);

static bool fake;
static bool in_pod;			/* there the placing process is first */
static const char *events[64];		/* "L" or "P", then the line */
static size_t n_events, at_event;
static struct channel *side[2];		/* 0: the loader's */
static int64_t patience[2];
static bool hung_up[2];
static bool busy;			/* nothing is ever written */
static int start_fails;			/* of the n-th, from 1 */
static int idle_turns;
static bool happened;
static char sent[4096];			/* what was done, as words */
static struct text did;

static size_t
side_of(const struct channel *c)
{
	return c == side[0] ? 0 : 1;
}

static void
note(const struct channel *c, const char *what)
{
	text_addf(&did, "%s%c%s", did.len > 0 ? " " : "",
	    "LP"[side_of(c)], what);
}

int
__wrap_channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen)
{
	size_t i = in_pod ? side[1] == NULL ? 1 : 0 : side[0] == NULL ? 0 : 1;

	if (!fake)
		return __real_channel_start(c, spec, why, whylen);
	*c = (struct channel){ 0 };
	if (start_fails == (int)i + 1) {
		(void)snprintf(why, whylen, "it cannot be started");
		return ST_SYSTEM;
	}
	side[i] = c;
	c->started = true;
	return ST_OK;
}

int
__wrap_channel_send(struct channel *c, struct slice bytes)
{
	static const char *const kinds[] = { "", ">begin", ">file", ">common",
		">line", ">stage", ">switch", ">keep", ">undo" };

	if (!fake)
		return __real_channel_send(c, bytes);
	assert_false(hung_up[side_of(c)]);
	if (bytes.len == strlen(LOADPIPE_MAGIC) && memcmp(bytes.p,
	    LOADPIPE_MAGIC, bytes.len) == 0)
		note(c, ">bundle");
	else if (bytes.len == strlen(PLACEPIPE_MAGIC) && memcmp(bytes.p,
	    PLACEPIPE_MAGIC, bytes.len) == 0)
		note(c, ">place");
	else if (side_of(c) == 1)
		note(c, kinds[bytes.p[4]]);
	else
		note(c, bytes.len == 4 ? ">commit" : ">keys");
	return ST_OK;
}

void
__wrap_channel_patience(struct channel *c, int64_t ms)
{
	if (!fake)
		__real_channel_patience(c, ms);
	else
		patience[side_of(c)] = ms;
}

bool
__wrap_channel_is_idle(const struct channel *c)
{
	return fake ? !busy : __real_channel_is_idle(c);
}

void
__wrap_channel_hang_up(struct channel *c)
{
	if (!fake) {
		__real_channel_hang_up(c);
		return;
	}
	hung_up[side_of(c)] = true;
	note(c, ".");
}

void
__wrap_channel_cut(struct channel *c)
{
	if (!fake) {
		__real_channel_cut(c);
		return;
	}
	hung_up[side_of(c)] = true;
	note(c, "/");
}

void
__wrap_channel_fds(const struct channel *c,
    struct pollfd fds[static CHILD_FDS])
{
	if (!fake) {
		__real_channel_fds(c, fds);
		return;
	}
	/* One event in each round: what comes next is an answer. */
	happened = false;
	/* Never waits: something can be written. */
	for (size_t i = 0; i < CHILD_FDS; i++)
		fds[i] = (struct pollfd){ .fd = STDERR_FILENO,
			.events = POLLOUT };
}

/* What one event does; what channel_turn() says then. */
static int
happen(struct channel *c, const char *event, const char *mark,
    channel_line each, void *arg)
{
	struct slice line = slice_str(event);

	if (strcmp(event, ENDLESS) == 0)
		return ST_TOO_LARGE;
	if (strcmp(event, SILENT) == 0)
		return ST_BUSY;
	if (event[0] == '=' || event[0] == '+') {
		c->child.status = atoi(event + 1) << (event[0] == '=' ? 8 : 0);
		return ST_OK;
	}
	if (strncmp(event, mark, strlen(mark)) == 0)
		each(line, arg);
	return ST_MORE;
}

int
__wrap_channel_turn(struct channel *c, const struct pollfd *fds,
    const char *mark, channel_line each, void *arg)
{
	size_t i = side_of(c);
	int st = ST_MORE;

	if (!fake)
		return __real_channel_turn(c, fds, mark, each, arg);
	if (at_event < n_events) {
		if (!happened && events[at_event][0] == "LP"[i]) {
			happened = true;
			st = happen(c, events[at_event++] + 1, mark, each,
			    arg);
		}
		return st;
	}
	if (happened)
		return ST_MORE;
	/* It is all over: who was told to end does, who is waited for is not
	 * waited for for ever. */
	if (++idle_turns > 64)
		fail_msg("it waits for ever: %s", sent);
	return hung_up[i] ? ST_OK : patience[i] > 0 ? ST_BUSY : ST_MORE;
}

void
__wrap_channel_fini(struct channel *c)
{
	if (!fake)
		__real_channel_fini(c);
}

/* What becomes of a placing process that was lost is settle.c's. */
static struct settle_result settled;

int
__wrap_settle_run(const struct settle_how *h, struct settle_result *out)
{
	if (!fake)
		return __real_settle_run(h, out);
	*out = settled;
	return ST_OK;
}

/* Who loads is told to stop, once so many events have come. */
static size_t stop_at = SIZE_MAX;

int __real_fleet_stopping(void);
int __wrap_fleet_stopping(void);

int
__wrap_fleet_stopping(void)
{
	return fake && at_event >= stop_at ? SIGINT : __real_fleet_stopping();
}

/* --- what is loaded ------------------------------------------------------- */

static struct secret *region;
static struct target target;
static struct plan plan;
static struct plan_host host;
static struct plan_key key;
static struct keyfile files[1];
static struct payload payload;
static struct session_how how;
static struct session_result result;
static char self[512];
static size_t sealed;

int __real_payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len);
int __wrap_payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len);

static int seal_st;

int
__wrap_payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len)
{
	static const uint8_t wanted[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
		0xcd, 0xef };

	sealed++;
	if (!fake)
		return __real_payload_seal(p, public_key, out, len);
	assert_memory_equal(public_key, wanted, sizeof(wanted));
	if (seal_st != ST_OK)
		return seal_st;
	*out = calloc(1, 64);
	*len = 64;
	return ST_OK;
}

/* Texts of a plan are never written to. */
static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int
setup(void **state)
{
	char command[600], why[256];
	static char *auth[1];

	(void)state;
	auth[0] = text("auth");
	host = (struct plan_host){ .host = text("web"),
		.hostname = text("web.example.org"), .port = 22,
		.where = text("host web"), .n_key = 1 };
	key = (struct plan_key){ .path = text("/k/id"),
		.fingerprint = text("SHA256:abc"),
		.pub = text("ssh-ed25519 AAAA"), .purposes = { auth, 1 },
		.where = text("host web") };
	plan = (struct plan){ .hosts = &host, .n_hosts = 1, .keys = &key,
		.n_keys = 1 };
	payload = (struct payload){ .region = region, .plan = &plan,
		.files = files, .account = "node" };
	how = (struct session_how){ .target = &target, .payload = &payload,
		.account = "node", .path = "/usr/bin:/bin", .time_ms = 20000,
		.files = { .name = "default", .socket = "/run/a.sock",
		.bin = "/nowhere" } };
	(void)snprintf(command, sizeof(command), "exec:%s", self);
	assert_int_equal(target_parse(command, &target, why, sizeof(why)),
	    ST_OK);
	fake = true;
	at_event = n_events = 0;
	side[0] = side[1] = NULL;
	memset(patience, 0, sizeof(patience));
	memset(hung_up, 0, sizeof(hung_up));
	busy = false;
	start_fails = 0;
	idle_turns = 0;
	seal_st = ST_OK;
	settled = (struct settle_result){ .outcome = PLACEPIPE_REVERTED };
	stop_at = SIZE_MAX;
	sealed = 0;
	text_init(&did, sent, sizeof(sent));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	session_result_fini(&result);
	session_result_fini(&result);
	fake = false;
	return 0;
}

/* Begin anew in the middle of a test. */
static void
again(void)
{
	(void)teardown(NULL);
	(void)setup(NULL);
}

static void
add_event(const char *event)
{
	events[n_events++] = event;
}

/* Where a word stands in what was done; SIZE_MAX: nowhere. */
static size_t
place(const char *word)
{
	const char *p = strstr(sent, word);

	return p != NULL ? (size_t)(p - sent) : SIZE_MAX;
}

/* How often it stands there. */
static size_t
count(const char *word)
{
	size_t n = 0;

	for (const char *p = sent; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

/* Whether ${event} comes among the first ${n}. */
static bool
came(const char *event, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(events[i], event) == 0)
			return true;
	return false;
}

/* What holds whatever they say. */
static void
check_promises(void)
{
	assert_true(sealed <= 1);
	assert_true(count(">keys") <= 1 && count(">begin") <= 1);
	assert_true(count(">switch") <= 1 && count(">commit") <= 1);
	assert_true(count(">keep") <= 1 && count(">undo") <= 1);
	if (count(">switch") > 0)
		assert_true(came("L" L_STAGED, n_events) &&
		    came("P" P_STAGED, n_events));
	if (count(">commit") > 0)
		assert_true(came("P" P_SWITCHED, n_events) &&
		    place(">switch") < place(">commit"));
	if (count(">keep") > 0)
		assert_true(place(">commit") < place(">keep"));
	if (count(">undo") > 0)
		assert_true(count(">commit") == 0);
	assert_int_equal(count("L.") + count("L/") > 0,
	    side[0] != NULL && hung_up[0]);
	for (size_t i = 0; i < 2; i++)
		assert_true(!hung_up[i] || patience[i] == 5000);
	if (result.code == SESSION_DONE) {
		assert_true(count(">keep") == 1 && (came("P" P_KEPT,
		    n_events) || settled.outcome == PLACEPIPE_STAYS) &&
		    came("L" L_DONE, n_events));
		assert_string_equal(result.why, "");
		assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
	} else {
		assert_true(result.why[0] != '\0');
	}
}

static void
play(void)
{
	session_run(&how, &result);
	check_promises();
}

/* What goes well, in the order in which it often comes. */
static const char *const good[] = { "L" L_HELLO, "P" P_HELLO, "L" L_STAGED,
	"P" P_STAGED, "P" P_SWITCHED, "L" L_KEY, "L" L_DONE, "P" P_KEPT };
#define GOOD	LENGTH(good)

static void
add_good(size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_event(good[i]);
}

#define FILES	"P>begin P>file P>file P>common P>line P>stage"

static void
all_goes_well(void **state)
{
	(void)state;
	add_good(GOOD);
	play();
	assert_string_equal(result.why, "");
	assert_int_equal(result.code, SESSION_DONE);
	assert_string_equal(sent, "L>bundle P>place L>keys " FILES " P>switch "
	    "L>commit L. P>keep P.");
	assert_int_equal(result.n_keys, 1);
	assert_string_equal(result.key[0], "ssh-ed25519 SHA256:abc me@here");
	assert_string_equal(result.advice, "");
}

/* --- a placing process that is lost --------------------------------------- */

static char warned[512];

static void
take_warning(void *cookie, const char *line, size_t len)
{
	(void)cookie;
	(void)snprintf(warned, sizeof(warned), "%.*s", (int)len, line);
}

/* It has switched, and is gone before it said that it keeps the files; what
 * settles that says so much. */
static void
play_lost(size_t n, enum placepipe_settled outcome, const char *said)
{
	again();
	add_good(n);
	add_event("P" SIGNALLED);
	settled.outcome = outcome;
	(void)snprintf(settled.text, sizeof(settled.text), "%s", said);
	warned[0] = '\0';
	log_divert(take_warning, NULL);
	play();
	log_divert(NULL, NULL);
}

static void
what_settles_has_the_last_word(void **state)
{
	(void)state;
	/* All that was wanted is there: what is said of it is no failure. */
	play_lost(GOOD - 1, PLACEPIPE_STAYS, "");
	assert_int_equal(result.code, SESSION_DONE);
	assert_string_equal(warned, "");
	play_lost(GOOD - 1, PLACEPIPE_STAYS, "a file is left");
	assert_int_equal(result.code, SESSION_DONE);
	assert_string_equal(result.advice, "");
	assert_non_null(strstr(warned, "the target says: a file is left"));
	/* It is not, or not known to be. */
	play_lost(GOOD - 1, PLACEPIPE_REVERTED, "a file is left");
	assert_int_not_equal(result.code, SESSION_DONE);
	assert_non_null(strstr(result.advice, "as they were before"));
	assert_non_null(strstr(result.advice, "a file is left"));
	assert_string_equal(warned, "");
	play_lost(GOOD - 2, PLACEPIPE_STAYS, "a file is left");
	assert_int_not_equal(result.code, SESSION_DONE);
	assert_non_null(strstr(result.advice, "a file is left"));
	assert_string_equal(warned, "");
}

/* --- in a pod ------------------------------------------------------------- */

#define P_UID(n)	"Pbottle-place: hello " BOTTLE_VERSION ARCH n \
			" /usr/local/bin"
#define L_UID(n)	"L" L_HELLO n

static char pod_dir[64];

static int
pod_setup(void **state)
{
	char path[128], why[256];
	int st = setup(state);
	FILE *f;

	(void)snprintf(pod_dir, sizeof(pod_dir), "/tmp/session.XXXXXX");
	assert_non_null(mkdtemp(pod_dir));
	(void)snprintf(path, sizeof(path), "%s/kubectl", pod_dir);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs("#!/bin/false\n", f) >= 0 && fclose(f) == 0);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(target_parse("kubectl:team/web/agent/app", &target,
	    why, sizeof(why)), ST_OK);
	how.path = pod_dir;
	how.account = payload.account = NULL;
	in_pod = true;
	return st;
}

static int
pod_teardown(void **state)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/kubectl", pod_dir);
	(void)unlink(path);
	(void)rmdir(pod_dir);
	in_pod = false;
	return teardown(state);
}

static void
pod_hears_its_user_first(void **state)
{
	(void)state;
	add_event(P_UID(" uid=1000"));
	add_event(L_UID(" uid=10001"));
	for (size_t i = 2; i < GOOD; i++)
		add_event(good[i]);
	play();
	assert_string_equal(result.why, "");
	assert_string_equal(sent, "P>place L>bundle " FILES " L>keys P>switch "
	    "L>commit L. P>keep P.");
	assert_string_equal(result.uid, "1000");
}

static void
pod_of_one_user_gets_nothing(void **state)
{
	(void)state;
	add_event(P_UID(" uid=1000"));
	add_event(L_UID(" uid=1000"));
	play();
	assert_int_equal(result.code, SESSION_DENIED);
	assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
	assert_int_equal(sealed, 0);
	assert_string_equal(sent, "P>place L>bundle L/ P>undo P.");
	assert_string_equal(result.why, "in container agent of pod team/web "
	    "the agent is uid 1000, and so is its user in container app of pod "
	    "team/web: it would let him do everything, and nothing was "
	    "loaded");
	assert_non_null(strstr(result.advice, "kubectl:team/web/AGENT"));
}

static void
pod_of_root_gets_nothing(void **state)
{
	(void)state;
	add_event(P_UID(" uid=0"));
	play();
	assert_int_equal(result.code, SESSION_DENIED);
	assert_null(side[0]);
	assert_string_equal(sent, "P>place P>undo P.");
	assert_string_equal(result.why, "the user in container app of pod "
	    "team/web is root, for whom an agent does everything: nothing was "
	    "loaded");
}

/* Each place of a number that is none. */
static void
pod_takes_no_guess(void **state)
{
	static const char *const bad[][2] = {
		{ P_UID(""), L_UID("") },
		{ P_UID(" uid="), L_UID(" uid=") },
		{ P_UID(" uid=x"), L_UID(" uid=x") },
		{ P_UID(" uid=-1"), L_UID(" uid=-1") },
		{ P_UID(" uid=1x"), L_UID(" uid=1x") },
		{ P_UID(" xuid=1"), L_UID(" xuid=1") },
		{ P_UID(" uid=4294967295"), L_UID(" uid=4294967295") },
		{ P_UID(" uid=99999999999"), L_UID(" uid=99999999999") },
	};

	for (size_t i = 0; i < LENGTH(bad); i++) {
		(void)pod_teardown(state);
		(void)pod_setup(state);
		add_event(bad[i][0]);
		play();
		assert_int_equal(result.lack, SESSION_LACKS_VERSION);
		assert_non_null(strstr(result.why, "bottle-forward in the "
		    "target does not say as which user it runs"));
		assert_string_equal(sent, "P>place P>undo P.");
		assert_null(side[0]);

		(void)pod_teardown(state);
		(void)pod_setup(state);
		add_event(P_UID(" uid=1000"));
		add_event(bad[i][1]);
		play();
		assert_int_equal(result.lack, SESSION_LACKS_VERSION);
		assert_non_null(strstr(result.why, "bottle-agent in the "
		    "target does not say as which user it runs"));
		assert_int_equal(sealed, 0);
		assert_string_equal(sent, "P>place L>bundle L/ P>undo P.");
	}
	(void)pod_teardown(state);
	(void)pod_setup(state);
	add_event(P_UID(" uid=4294967294"));
	add_event(L_UID(" uid=0"));
	play();
	assert_string_equal(result.uid, "4294967294");
	assert_int_equal(sealed, 1);
}

static void
pod_whose_agent_cannot_be_asked_is_left_alone(void **state)
{
	(void)state;
	add_event(P_UID(" uid=1000"));
	start_fails = 1;
	play();
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	assert_string_equal(sent, "P>place P>undo P.");
	(void)pod_teardown(state);
	(void)pod_setup(state);
	add_event(P_UID(" uid=1000"));
	add_event("L" EXIT_OF(1));
	play();
	assert_int_equal(result.code, SESSION_FAILED);
	assert_string_equal(sent, "P>place L>bundle P>undo P.");
	(void)pod_teardown(state);
	(void)pod_setup(state);
	add_event(P_UID(" uid=1000"));
	add_event("L" SILENT);
	play();
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	assert_string_equal(sent, "P>place L>bundle P>undo P.");
}

/* All orders of what does not depend on each other. */
static void
either_may_be_first(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 16; mask++) {
		const char *l[] = { "L" L_HELLO, "L" L_STAGED };
		const char *p[] = { "P" P_HELLO, "P" P_STAGED };
		size_t nl = 0, np = 0;

		if (__builtin_popcount(mask) != 2)
			continue;
		again();
		for (unsigned i = 0; i < 4; i++)
			add_event((mask >> i & 1) != 0 ? l[nl++] : p[np++]);
		for (size_t i = 4; i < GOOD; i++)
			add_event(good[i]);
		play();
		assert_int_equal(result.code, SESSION_DONE);
		assert_int_equal(result.n_keys, 1);
	}
}

/* Each word, at each step: it is the right one or ends all. */
static void
every_word_has_its_time(void **state)
{
	static const char *const words[] = { "L" L_HELLO, "L" L_STAGED,
		"L" L_KEY, "L" L_DONE, "P" P_HELLO, "P" P_STAGED,
		"P" P_SWITCHED, "P" P_KEPT, "Lbottle-load: ",
		"Pbottle-place: ", "Lbottle-load: staged x",
		"Pbottle-place: kept x", "Lbottle-load: hello 00 1 x",
		"Lbottle-load: done -1", "Pbottle-place: failed x y" };

	(void)state;
	for (size_t k = 0; k < GOOD; k++) {
		for (size_t w = 0; w < LENGTH(words); w++) {
			bool next = strcmp(words[w], good[k]) == 0;
			/* These two do not wait for each other. */
			bool swapped = (k == 0 && w == 4) ||
			    (k == 2 && w == 5) || (k == 1 && w == 1);
			/* The loader has done: it may say what it likes. */
			bool over = k == 7 && words[w][0] == 'L';

			again();
			add_good(k);
			add_event(words[w]);
			if (!next && !swapped && !over) {
				for (size_t i = k; i < GOOD; i++)
					add_event(good[i]);
				play();
				if (result.code != SESSION_FAILED)
					fail_msg("step %zu, %s: %d", k,
					    words[w], result.code);
				assert_non_null(strstr(result.why,
				    words[w][0] == 'L' ? "bottle-agent" :
				    "bottle-forward"));
			} else {
				if (over || next)
					for (size_t i = k + next; i < GOOD; i++)
						add_event(good[i]);
				play();
				if (over || next)
					assert_int_equal(result.code,
					    SESSION_DONE);
			}
		}
	}
}

/* Every way of failing, at every step, of each side. */
static void
every_step_can_fail(void **state)
{
	static const struct {
		const char	*event;
		const char	*why;
		enum session_code code;
	} ways[] = {
		{ "L" L_FAILED, "bottle-agent: no", SESSION_DENIED },
		{ "P" P_FAILED, "bottle-forward: no", SESSION_FAILED },
		{ "L" EXIT_OF(1), "bottle-agent failed with status 1",
		    SESSION_FAILED },
		{ "L" EXIT_OF(4), "bottle-agent failed with status 4",
		    SESSION_MEMORY },
		{ "P" EXIT_OF(1), "bottle-forward failed with status 1",
		    SESSION_FAILED },
		{ "L" EXIT_OF(0), "bottle-agent in the target ended before",
		    SESSION_FAILED },
		{ "P" EXIT_OF(0), "bottle-forward in the target ended before",
		    SESSION_FAILED },
		{ "L" SIGNALLED, "ended by signal 9", SESSION_FAILED },
		{ "P" SIGNALLED, "ended by signal 9", SESSION_FAILED },
		{ "L" SILENT, "bottle-agent in the target did not answer "
		    "within 20 s", SESSION_UNREACHABLE },
		{ "P" SILENT, "bottle-forward in the target did not",
		    SESSION_UNREACHABLE },
		{ "L" ENDLESS, "things without end", SESSION_FAILED },
		{ "P" ENDLESS, "things without end", SESSION_FAILED },
	};

	(void)state;
	for (size_t k = 0; k < GOOD; k++) {
		for (size_t w = 0; w < LENGTH(ways); w++) {
			bool over = k == 7 && ways[w].event[0] == 'L';

			again();
			add_good(k);
			add_event(ways[w].event);
			if (over)
				add_event(good[7]);
			play();
			if (over) {
				assert_int_equal(result.code, SESSION_DONE);
				continue;
			}
			if (result.code != ways[w].code ||
			    strstr(result.why, ways[w].why) == NULL)
				fail_msg("step %zu, %s: %d, %s", k,
				    ways[w].event, result.code, result.why);
			assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
			assert_int_equal(result.item,
			    strcmp(ways[w].event, "L" L_FAILED) == 0 ? 7 : 0);
			/* Who runs still is told, and to undo where it is
			 * sure that no key is in force. */
			if (ways[w].event[0] == 'L' && k < 2)
				assert_int_equal(place(">undo"), SIZE_MAX);
			else if (ways[w].event[0] == 'L' && k < 5)
				assert_true(count("P>undo P.") == 1);
			else if (ways[w].event[0] == 'L')
				assert_true(count("P/") == 1);
			if (ways[w].event[0] == 'P' && k < 7)
				assert_true(count("L/") == 1);
			/* What is in force is told. */
			if (k < 5 || strcmp(ways[w].event, "L" L_FAILED) == 0)
				assert_null(strstr(result.advice, "in force"));
			else if (k < 7)
				assert_non_null(strstr(result.advice,
				    "may be in force"));
			else
				assert_non_null(strstr(result.advice,
				    "are in force all the same"));
		}
	}
}

/* Before the commit all is given up; then it is seen to its end. */
static void
who_is_told_to_stop_undoes_or_goes_on(void **state)
{
	(void)state;
	for (size_t k = 0; k <= GOOD; k++) {
		again();
		stop_at = k;
		/* The fifth word is what the commit follows. */
		add_good(k < 5 ? k : GOOD);
		play();
		if (k >= 5) {
			assert_int_equal(result.code, SESSION_DONE);
			continue;
		}
		assert_int_equal(result.code, SESSION_FAILED);
		assert_non_null(strstr(result.why, "given up: stopped by "));
		assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
		assert_string_equal(result.advice, "");
		assert_int_equal(count("L/"), 1);
		assert_int_equal(count("P>undo P."), k >= 2 ? 1 : 0);
		assert_int_equal(count("P/"), k >= 2 ? 0 : 1);
		assert_int_equal(count(">commit"), 0);
	}
}

static void
what_is_said_after_a_failure_moves_nothing(void **state)
{
	(void)state;
	/* Not the time that they have to undo; play() would see it. */
	add_good(2);
	add_event("P" P_FAILED);
	add_event("L" L_STAGED);
	play();
	assert_int_equal(patience[0], 5000);
	assert_int_equal(result.code, SESSION_FAILED);
	again();
	add_good(2);
	add_event("L" L_FAILED);
	add_event("P" P_STAGED);
	play();
	assert_int_equal(patience[1], 5000);
	assert_int_equal(count(">switch"), 0);
	/* Not who is told, and what about. */
	again();
	add_good(2);
	add_event("P" P_FAILED);
	add_event("L" L_FAILED);
	play();
	assert_string_equal(result.why, "bottle-forward: no");
	assert_int_equal(result.item, 0);
	assert_int_equal(result.code, SESSION_FAILED);
	/* No key is sealed then, and no file sent. */
	again();
	add_event("P" P_FAILED);
	add_event("L" L_HELLO);
	play();
	assert_int_equal(sealed, 0);
	again();
	add_event("L" L_FAILED);
	add_event("P" P_HELLO);
	play();
	assert_int_equal(count(">begin"), 0);
	/* That the keys are in force after all is. */
	again();
	add_good(5);
	add_event("P" P_FAILED);
	add_event("L" L_KEY);
	add_event("L" L_DONE);
	play();
	assert_int_equal(result.code, SESSION_FAILED);
	assert_non_null(strstr(result.advice, "are in force all the same"));
}

static void
half_a_frame_is_not_gone_on_with(void **state)
{
	(void)state;
	busy = true;
	add_good(2);
	add_event("L" L_FAILED);
	play();
	assert_int_equal(count(">undo"), 0);
	assert_int_equal(count("P/"), 1);
}

static void
older_programs_are_lacking(void **state)
{
	(void)state;
	add_event("L" L_HELLO_OF("0.0.1"));
	play();
	assert_int_equal(result.lack, SESSION_LACKS_VERSION);
	assert_string_equal(result.why, "bottle-agent in the target is older "
	    "than this program");
	assert_int_equal(sealed, 0);
	again();
	add_event("P" P_HELLO_OF("0.0.1"));
	play();
	assert_int_equal(result.lack, SESSION_LACKS_VERSION);
	assert_int_equal(count(">begin"), 0);
	again();
	add_event("L" L_HELLO_OF("99.0"));
	add_event("P" P_HELLO_OF("what"));
	for (size_t i = 2; i < GOOD; i++)
		add_event(good[i]);
	play();
	assert_int_equal(result.code, SESSION_DONE);
}

static void
what_is_lacking_is_only_so_before_the_hello(void **state)
{
	(void)state;
	add_event("P" EXIT_OF(127));
	play();
	assert_int_equal(result.lack, SESSION_LACKS_PROGRAMS);
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	/* It matters more than what came first. */
	again();
	add_event("P" P_FAILED);
	add_event("L" EXIT_OF(127));
	play();
	assert_int_equal(result.lack, SESSION_LACKS_PROGRAMS);
	again();
	add_event("L" L_FAILED);
	add_event("P" EXIT_OF(127));
	play();
	assert_int_equal(result.lack, SESSION_LACKS_PROGRAMS);
	assert_int_equal(result.item, 0);
	for (size_t k = 2; k < GOOD; k++) {
		again();
		add_good(k);
		add_event("P" EXIT_OF(127));
		play();
		assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
		assert_true(result.code != SESSION_DONE);
	}
	/* "No home", of one who has just begun. */
	for (size_t k = 0; k < GOOD; k++) {
		again();
		add_good(k);
		add_event("Pbottle-place: failed 2 no home");
		play();
		assert_int_equal(result.code, SESSION_USAGE);
		assert_int_equal(result.lack, k < 4 ? SESSION_LACKS_USER :
		    SESSION_LACKS_NOTHING);
	}
	again();
	add_event("Lbottle-load: failed 2 0 no");
	play();
	assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
}

static void
codes_of_others_are_ours_or_1(void **state)
{
	static const struct {
		const char	*event;
		enum session_code code;
	} row[] = {
		{ "Lbottle-load: failed 0 0 x", SESSION_FAILED },
		{ "Lbottle-load: failed 1 0 x", SESSION_FAILED },
		{ "Lbottle-load: failed 2 0 x", SESSION_USAGE },
		{ "Lbottle-load: failed 3 0 x", SESSION_DENIED },
		{ "Lbottle-load: failed 4 0 x", SESSION_MEMORY },
		{ "Lbottle-load: failed 5 0 x", SESSION_UNREACHABLE },
		{ "Lbottle-load: failed 6 0 x", SESSION_FAILED },
		{ "Lbottle-load: failed 999999999 0 x", SESSION_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		again();
		add_event(row[i].event);
		play();
		assert_int_equal(result.code, row[i].code);
	}
}

static void
folder_must_be_one(void **state)
{
	static const char *const wrong[] = { "bottle-place: hello 9 x ",
		"bottle-place: hello 9 x bin", "bottle-place: hello 9",
		"bottle-place: hello ", "bottle-place: hello 9 x /a/../b",
		"bottle-place: hello 9 x /a%h", "bottle-place: hello 9 x /a\tb",
	};
	char event[2000];

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		again();
		(void)snprintf(event, sizeof(event), "P%s", wrong[i]);
		add_event(event);
		play();
		assert_int_equal(result.code, SESSION_FAILED);
		assert_non_null(strstr(result.why, "does not say where"));
		assert_int_equal(count(">begin"), 0);
	}
	for (size_t len = LAUNCH_BIN_MAX; len <= LAUNCH_BIN_MAX + 1; len++) {
		again();
		(void)snprintf(event, sizeof(event), "Pbottle-place: hello 9 "
		    "x /%0*d", (int)len - 1, 0);
		add_event(event);
		play();
		assert_int_equal(count(">begin"), len == LAUNCH_BIN_MAX);
	}
}

static void
what_cannot_be_made_is_told(void **state)
{
	(void)state;
	seal_st = ST_CRYPTO;
	add_event("L" L_HELLO);
	play();
	assert_string_equal(result.why, "bottle-agent in the target sent a "
	    "key that is none");
	again();
	seal_st = ST_FULL;
	add_event("L" L_HELLO);
	play();
	assert_string_equal(result.why, "cannot seal the keys: locked memory "
	    "is full");
	again();
	host.hostname = text("a b");
	add_event("P" P_HELLO);
	play();
	assert_int_equal(result.code, SESSION_USAGE);
	assert_non_null(strstr(result.why, "Hostname"));
	assert_int_equal(count(">begin"), 0);
}

static void
start_of_either_can_fail(void **state)
{
	(void)state;
	start_fails = 1;
	play();
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	assert_string_equal(result.why, "it cannot be started");
	assert_string_equal(sent, "");
	again();
	start_fails = 2;
	add_event("L" L_HELLO);
	play();
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	assert_string_equal(sent, "L>bundle L/");
	assert_int_equal(sealed, 0);
	/* A word that a shell behind exec: would do something about. */
	again();
	how.files.socket = "/run/a b";
	play();
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	assert_int_equal(result.lack, SESSION_LACKS_NOTHING);
}

static void
texts_of_others_are_escaped_and_cut(void **state)
{
	char event[4000];

	(void)state;
	add_event("Lbottle-load: failed 1 0 \033[2J\x9b\xff\xe2\x80\xae");
	play();
	assert_string_equal(result.why, "bottle-agent: \\x1b[2J\\x9b\\xff"
	    "\\xe2\\x80\\xae");
	again();
	add_good(5);
	add_event("Lbottle-load: key a\033b");
	/* As ours write it: it is not done once more. */
	add_event("Lbottle-load: key \\\\\\x1b\\\033\\");
	add_event("L" L_DONE);
	add_event("P" P_KEPT);
	play();
	assert_string_equal(result.key[0], "a\\x1bb");
	assert_string_equal(result.key[1], "\\\\\\x1b\\\\x1b\\");
	again();
	(void)snprintf(event, sizeof(event), "Lbottle-load: failed 1 0 ");
	memset(event + strlen(event), '\001', 3000);
	event[3020] = '\0';
	add_event(event);
	play();
	assert_true(strlen(result.why) < sizeof(result.why));
	assert_non_null(strstr(result.why, "\\x01"));
}

/* --- processes ------------------------------------------------------------ */

/* Read exactly ${n} bytes. */
static void
take(void *p, size_t n)
{
	uint8_t *at = p;
	ssize_t got;

	for (; n > 0; n -= (size_t)got, at += got)
		if ((got = read(STDIN_FILENO, at, n)) <= 0)
			exit(9);
}

static uint8_t frame[PLACEPIPE_FRAME_MAX];

/* One frame with its length. */
static size_t
take_frame(size_t max)
{
	uint8_t head[4];
	size_t len;

	take(head, 4);
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
	    (size_t)head[2] << 8 | head[3];
	if (len > max)
		exit(8);
	take(frame, len);
	return len;
}

static void
take_magic(const char *magic)
{
	char got[64];

	take(got, strlen(magic));
	if (memcmp(got, magic, strlen(magic)) != 0)
		exit(7);
}

/* The loading process: it opens what it gets. */
static int
act_loader(const char *act)
{
	const struct secret_options want = { .size = 256 * 1024,
		.want = SECRET_AUTO };
	uint8_t pk[LOAD_PUBLIC_KEY];
	struct opener *o;
	struct slice in;
	bool final = false;
	char why[256];
	size_t n = 0;

	take_magic(LOADPIPE_MAGIC);
	if (strcmp(act, "flood") == 0)
		for (;;)
			(void)printf("bottle-load:\n");
	if (strcmp(act, "mute") == 0)
		return (int)sleep(60);
	if (secret_open(&region, &want, why, sizeof(why)) != ST_OK ||
	    opener_new(&o, region, pk) != ST_OK)
		return 6;
	(void)printf("noise\r\nbottle-load: hello ");
	for (size_t i = 0; i < sizeof(pk); i++)
		(void)printf("%02x", pk[i]);
	(void)printf(" %s x86_64\r\n", BOTTLE_VERSION);
	(void)fflush(stdout);
	while ((in.len = take_frame(LOADPIPE_FRAME_MAX)) > 0) {
		in.p = frame;
		while (in.len > 0)
			if (opener_feed(o, &in) == ST_OK) {
				(void)opener_record(o, &final);
				n++;
			}
	}
	if (!final || n != 1)
		return 5;
	(void)printf("bottle-load: staged\r\n");
	(void)fflush(stdout);
	if (take_frame(LOADPIPE_FRAME_MAX) != 0)
		return 5;
	n = strcmp(act, "keys") == 0 ? SESSION_KEYS_MAX + 10 : 1;
	for (size_t i = 0; i < n; i++)
		(void)printf("bottle-load: key t%zu SHA256:abc c\n", i);
	(void)printf("bottle-load: done %zu\n", n);
	(void)fflush(stdout);
	return 0;
}

static int
act_placer(const char *act)
{
	take_magic(PLACEPIPE_MAGIC);
	if (strcmp(act, "signal") == 0)
		(void)raise(SIGKILL);
	if (strcmp(act, "refuse") == 0) {
		(void)printf("bottle-place: failed 1 no\n");
		return 1;
	}
	if (strcmp(act, "deaf") == 0)
		(void)close(STDIN_FILENO);
	(void)printf(P_HELLO "\r\n");
	(void)fflush(stdout);
	if (strcmp(act, "deaf") == 0)
		return (int)usleep(300 * 1000);
	for (;;) {
		(void)take_frame(sizeof(frame));
		if (frame[0] == PLACE_STAGE)
			(void)printf("bottle-place: staged\n");
		else if (frame[0] == PLACE_SWITCH)
			(void)printf("bottle-place: switched\n");
		else if (frame[0] == PLACE_KEEP)
			return printf("bottle-place: kept\n") < 0;
		(void)fflush(stdout);
	}
}

static void
act(const char *what)
{
	again();
	fake = false;
	plan.n_keys = 0;
	host.n_key = 0;
	assert_int_equal(setenv("ACT", what, 1), 0);
	session_run(&how, &result);
}

static void
processes_load(void **state)
{
	(void)state;
	act("well");
	assert_string_equal(result.why, "");
	assert_int_equal(result.code, SESSION_DONE);
	assert_int_equal(result.n_keys, 1);
	assert_string_equal(result.key[0], "t0 SHA256:abc c");
	assert_int_equal(sealed, 1);
}

static void
processes_fail(void **state)
{
	(void)state;
	act("signal");
	assert_int_equal(result.code, SESSION_FAILED);
	assert_string_equal(result.why, "bottle-forward was ended by signal 9");
	/* Who does not read what is written does not end us. */
	act("deaf");
	assert_int_equal(result.code, SESSION_FAILED);
	assert_string_equal(result.why, "bottle-forward in the target ended "
	    "before all was done");
	act("refuse");
	assert_int_equal(result.code, SESSION_FAILED);
	assert_string_equal(result.why, "bottle-forward: no");
	act("flood");
	assert_int_equal(result.code, SESSION_FAILED);
	assert_string_equal(result.why, "bottle-agent in the target says "
	    "things without end");
}

static void
silence_ends(void **state)
{
	(void)state;
	again();
	fake = false;
	plan.n_keys = 0;
	host.n_key = 0;
	how.time_ms = 1000;
	assert_int_equal(setenv("ACT", "mute", 1), 0);
	session_run(&how, &result);
	assert_int_equal(result.code, SESSION_UNREACHABLE);
	assert_string_equal(result.why, "bottle-agent in the target did not "
	    "answer within 1 s");
}

static void
keys_are_limited(void **state)
{
	(void)state;
	act("keys");
	/* More than were kept are more than were sent. */
	assert_int_equal(result.code, SESSION_FAILED);
	assert_int_equal(result.n_keys, SESSION_KEYS_MAX);
	assert_string_equal(result.key[SESSION_KEYS_MAX - 1],
	    "t2047 SHA256:abc c");
}

/* Run by ourselves, behind exec:. */
static int
behind_exec(const char *program)
{
	const char *name = strrchr(program, '/');

	if (name != NULL && strcmp(name, "/bottle-agent") == 0)
		return act_loader(getenv("ACT"));
	return act_placer(getenv("ACT"));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_goes_well, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_settles_has_the_last_word,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(pod_hears_its_user_first,
		    pod_setup, pod_teardown),
		cmocka_unit_test_setup_teardown(pod_of_one_user_gets_nothing,
		    pod_setup, pod_teardown),
		cmocka_unit_test_setup_teardown(pod_of_root_gets_nothing,
		    pod_setup, pod_teardown),
		cmocka_unit_test_setup_teardown(pod_takes_no_guess, pod_setup,
		    pod_teardown),
		cmocka_unit_test_setup_teardown(
		    pod_whose_agent_cannot_be_asked_is_left_alone, pod_setup,
		    pod_teardown),
		cmocka_unit_test_setup_teardown(either_may_be_first, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(every_word_has_its_time, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(every_step_can_fail, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    who_is_told_to_stop_undoes_or_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_said_after_a_failure_moves_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    half_a_frame_is_not_gone_on_with, setup, teardown),
		cmocka_unit_test_setup_teardown(older_programs_are_lacking,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_lacking_is_only_so_before_the_hello, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(codes_of_others_are_ours_or_1,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(folder_must_be_one, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_told,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(start_of_either_can_fail, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    texts_of_others_are_escaped_and_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(processes_load, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(processes_fail, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(silence_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_limited, setup,
		    teardown),
	};
	const struct secret_options want = { .size = 256 * 1024,
		.want = SECRET_AUTO };
	char why[256];
	ssize_t n;
	int failed;

	if (argc > 1)
		return behind_exec(argv[1]);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0 || secret_open(&region, &want, why, sizeof(why)) != ST_OK)
		return 1;
	self[n] = '\0';
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_close(region);
	return failed;
}
