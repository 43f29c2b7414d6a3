/*
 * The signals that matter are blocked but for the moment in which the terminal
 * is waited for: none can come between a look at what came and the wait, and
 * none finds the echo off.
 */
#include "base/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fdio.h"

/* Those that end or stop a process at a terminal. */
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP,
	SIGTTIN, SIGTTOU, SIGALRM };

#define N_SIGNALS	(sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void
on_signal(int signo)
{
	caught = signo;
}

void
passphrase_wipe(char *p, size_t len)
{
	explicit_bzero(p, len);
}

/* Take one byte; ST_OK: the passphrase is at its end. */
static int
take(char c, char *p, size_t *len)
{
	if (c == '\n')
		return *len > 0 ? ST_OK : ST_CLOSED;
	if (c == '\0')
		return ST_MALFORMED;
	if (*len == PASSPHRASE_MAX)
		return ST_TOO_LARGE;
	p[(*len)++] = c;
	return ST_MORE;
}

/* Read what there is; ST_MORE: a signal came in between. */
static int
read_byte(int fd, char *p, size_t *len)
{
	ssize_t n;
	char c;
	int st;

	n = read(fd, &c, 1);
	if (n < 0)
		return errno == EINTR ? ST_MORE : ST_SYSTEM;
	if (n == 0)
		return *len > 0 ? ST_OK : ST_CLOSED;
	st = take(c, p, len);
	passphrase_wipe(&c, 1);
	return st;
}

/* What is no passphrase leaves nothing behind. */
static int
finish(int st, char *p, size_t *len)
{
	if (st != ST_OK) {
		passphrase_wipe(p, PASSPHRASE_MAX);
		*len = 0;
	}
	return st;
}

int
passphrase_read(int fd, char p[static PASSPHRASE_MAX], size_t *len)
{
	int st;

	*len = 0;
	do {
		st = read_byte(fd, p, len);
	} while (st == ST_MORE);
	return finish(st, p, len);
}

/* --- the terminal --------------------------------------------------------- */

struct terminal {
	int			 fd;
	struct termios		 before;
	struct sigaction	 action[N_SIGNALS];
	sigset_t		 mask;
};

/* Block the signals and have them noted. */
static void
hold_signals(struct terminal *t)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	caught = 0;
	(void)sigemptyset(&block);
	for (size_t i = 0; i < N_SIGNALS; i++)
		(void)sigaddset(&block, signals[i]);
	(void)sigemptyset(&sa.sa_mask);
	(void)pthread_sigmask(SIG_BLOCK, &block, &t->mask);
	for (size_t i = 0; i < N_SIGNALS; i++) {
		(void)sigaction(signals[i], NULL, &t->action[i]);
		if (t->action[i].sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
	}
}

static void
release_signals(const struct terminal *t)
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		(void)sigaction(signals[i], &t->action[i], NULL);
	(void)pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
}

/* No echo, and nothing that was typed before. */
static int
echo_off(struct terminal *t)
{
	struct termios quiet;

	if (tcgetattr(t->fd, &t->before) != 0)
		return ST_SYSTEM;
	quiet = t->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	return tcsetattr(t->fd, TCSAFLUSH, &quiet) == 0 ? ST_OK : ST_SYSTEM;
}

/* Read a line, unless a signal comes first: ST_MORE. */
static int
read_line(struct terminal *t, char *p, size_t *len)
{
	struct pollfd wait = { .fd = t->fd, .events = POLLIN };
	int st;

	do {
		if (ppoll(&wait, 1, NULL, &t->mask) < 0 && errno != EINTR)
			return ST_SYSTEM;
		if (caught != 0)
			return ST_MORE;
		st = read_byte(t->fd, p, len);
	} while (st == ST_MORE);
	return st;
}

/* The rest of a line that is not taken, so that no shell gets it. */
static void
drop_rest(const struct terminal *t)
{
	(void)tcflush(t->fd, TCIFLUSH);
}

/* Ask once.  ST_MORE: a signal came, and the terminal is as it was. */
static int
ask_once(struct terminal *t, const char *prompt, char *p, size_t *len)
{
	int st;

	*len = 0;
	hold_signals(t);
	if ((st = echo_off(t)) == ST_OK) {
		st = fdio_write_full(t->fd, prompt, strlen(prompt));
		if (st == ST_OK)
			st = read_line(t, p, len);
		if (st != ST_OK)
			drop_rest(t);
		/* What was typed ended in no new line on the screen. */
		(void)!write(t->fd, "\n", 1);
		(void)tcsetattr(t->fd, TCSAFLUSH, &t->before);
	}
	release_signals(t);
	return finish(st, p, len);
}

int
passphrase_ask(const char *prompt, char p[static PASSPHRASE_MAX], size_t *len)
{
	struct terminal t = { .fd = open("/dev/tty", O_RDWR | O_NOCTTY |
	    O_CLOEXEC) };
	bool again;
	int st;

	*len = 0;
	if (t.fd < 0)
		return ST_NOT_FOUND;
	do {
		st = ask_once(&t, prompt, p, len);
		again = st == ST_MORE && (caught == SIGTSTP ||
		    caught == SIGTTIN || caught == SIGTTOU);
		/* What it does to us it does now. */
		if (st == ST_MORE)
			(void)raise(caught);
	} while (again);
	(void)close(t.fd);
	return st == ST_MORE ? ST_CLOSED : st;
}
