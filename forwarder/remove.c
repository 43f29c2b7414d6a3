#include "forwarder/remove.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/text.h"
#include "forwarder/placehome.h"
#include "forwarder/placeremove.h"
#include "forwarder/placeuser.h"
#include "proto/placepipe.h"

/* Signals that end us are read from a descriptor while we wait, and not at all
 * after that. */
static int
catch_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum exit_code
say(enum placepipe_word word, size_t n, const char *text)
{
	const struct placepipe_line line = { .word = word, .n = (uint32_t)n,
		.text = slice_str(text) };
	char buf[PLACEPIPE_LINE_MAX];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	placepipe_line_put(&t, &line);
	if (!t.full && fdio_write_full(STDOUT_FILENO, buf, t.len) == ST_OK)
		return EXIT_DONE;
	log_error_sys("cannot print what was removed");
	return EXIT_FAILED;
}

/* All that there is to say. */
static enum exit_code
tell(const struct placehome *h, const struct placeremove *r)
{
	enum exit_code code = EXIT_DONE;
	char more[64];
	size_t i;

	for (i = 0; i < r->n && code == EXIT_DONE; i++)
		code = say(PLACEPIPE_REMOVED, 0, r->name[i]);
	if (r->n == 0 && !r->every && code == EXIT_DONE)
		code = say(PLACEPIPE_ABSENT, 0, h->name);
	for (i = 0; i < r->n_notes && code == EXIT_DONE; i++)
		code = say(PLACEPIPE_LEFT, 0, r->note[i]);
	if (r->more > 0 && code == EXIT_DONE) {
		(void)snprintf(more, sizeof(more), "and %zu more", r->more);
		code = say(PLACEPIPE_LEFT, 0, more);
	}
	return code == EXIT_DONE ? say(PLACEPIPE_FINISHED, r->left, "") : code;
}

static enum exit_code
run(struct placehome *h, bool every)
{
	struct placeremove r = { .every = every };
	int st = placeremove_run(h, &r);
	enum exit_code code;

	if (st == ST_OK) {
		code = tell(h, &r);
	} else {
		log_error("%s", h->why);
		code = st == ST_UNTRUSTED ? EXIT_DENIED : EXIT_FAILED;
	}
	placeremove_fini(&r);
	return code;
}

/* Become the user, and know the home. */
static enum exit_code
prepare(const struct forward_options *opts, struct placehome *h)
{
	const struct slice given = slice_str(opts->home != NULL ? opts->home :
	    "");
	int st;

	if (opts->user != NULL && (st = placeuser_become(opts->user, h->why,
	    sizeof(h->why))) != ST_OK) {
		log_error("%s", h->why);
		return st == ST_NOT_FOUND ? EXIT_USAGE : st == ST_DENIED ?
		    EXIT_DENIED : EXIT_FAILED;
	}
	if (placeuser_home(given, h->home, h->why, sizeof(h->why)) != ST_OK) {
		log_error("%s", h->why);
		return EXIT_USAGE;
	}
	h->why[0] = '\0';
	return EXIT_DONE;
}

enum exit_code
remove_main(const struct forward_options *opts)
{
	struct placehome h;
	enum exit_code code;

	(void)umask(077);
	placehome_init(&h);
	if (!opts->every_load)
		(void)snprintf(h.name, sizeof(h.name), "%s", opts->name);
	if ((code = prepare(opts, &h)) != EXIT_DONE)
		return code;
	if ((h.stop_fd = catch_signals()) < 0) {
		log_error_sys("cannot catch signals");
		return EXIT_FAILED;
	}
	code = run(&h, opts->every_load);
	placehome_fini(&h);
	(void)close(h.stop_fd);
	return code;
}
