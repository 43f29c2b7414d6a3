/*
 * What is drawn is lines that all end with a newline; the cursor is at the
 * beginning of the one below them.  So they are taken away by going up as many
 * lines and clearing all from there on, and no line may ever be as wide as the
 * terminal.  Each time all of it goes out in one write(2), what is to stand
 * above it included.  Nothing of the terminal is switched, so that there is
 * nothing to switch back when we are killed.
 *
 * A terminal that becomes narrower may break lines that it has.  Some of them
 * are then left above ours, rather than that a line of the log is taken away
 * with ours.
 *
 * There are two locks.  `state` is held for a moment, for what is to be shown.
 * `screen` is held while it is written, which can take as long as the terminal
 * does not take it (^S): who says what he is doing does not wait for that.
 * Nobody takes `screen` while he has `state`.
 */
#include "provision/progress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define BOLD		"\033[1m"
#define PLAIN		"\033[0m"
/* Up to the first line, and all below away. */
#define UP		"\r\033[%zuA\033[J"
/* Room for it, and for a line of the log. */
#define HEAD_MAX	(64 + LOG_LINE_MAX + 256)
/* The widest that names are made, and what a line takes that is no text. */
#define NAME_COLUMNS	48
#define LINE_MORE	(64 + ELAPSED_MAX)
/* Room for how long something took. */
#define ELAPSED_MAX	48
/* For how long it is tried to write to one that does not take it at once. */
#define WRITE_MS	1000

enum place {
	PLACE_WAITING,
	PLACE_UNDER_WAY,
	PLACE_DONE,
};

struct line {
	enum place	 place;
	char		 text[PROGRESS_TEXT_MAX];
	int64_t		 since_ms;	/* when it began */
	int64_t		 remind_ms;	/* when to tell of it; 0: never */
};

struct progress {
	const char *const *names;
	size_t		 n;
	int		 fd;
	bool		 live;
	bool		 bold;
	size_t		 name_columns;	/* of the widest name */
	int64_t		 first_ms;	/* nothing is drawn before */

	pthread_mutex_t	 state;
	struct line	*lines;

	pthread_mutex_t	 screen;
	size_t		 drawn;		/* lines that are on it now */
	char		*shown;		/* what they are, or NULL */
};

/* --- text ----------------------------------------------------------------- */

/* How long the character at ${s} says that it is. */
static size_t
character(const char *s)
{
	uint8_t c = (uint8_t)*s;
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	return strnlen(s, n);
}

/*
 * Append what fits into so many columns, made harmless; returns how many it
 * took.  Texts are escaped already, so a backslash is one.  A character that is
 * not ASCII is taken for two columns wide, which is the most that one can be: a
 * line may be cut too soon, but never too late.
 */
static size_t
add_cell(struct text *t, const char *s, size_t columns)
{
	size_t used = 0, n, wide;
	char room[32];
	struct text one;

	for (; *s != '\0'; s += n) {
		n = character(s);
		text_init(&one, room, sizeof(room));
		if (*s == '\\')
			text_addc(&one, '\\');
		else
			text_escape(&one, s, n);
		wide = room[0] != '\\' && (uint8_t)room[0] >= 0x80 ? 2 :
		    one.len;
		if (wide > columns - used)
			break;
		text_add(t, room);
		used += wide;
	}
	return used;
}

/* The same, filled up with blanks. */
static void
add_column(struct text *t, const char *s, size_t columns)
{
	for (size_t used = add_cell(t, s, columns); used < columns; used++)
		text_addc(t, ' ');
}

/* "7s", "1m05s" */
static void
add_elapsed(char out[static ELAPSED_MAX], int64_t ms)
{
	long long s = ms > 0 ? ms / 1000 : 0;

	if (s < 60)
		(void)snprintf(out, ELAPSED_MAX, "%llds", s);
	else if (s < 6000)
		(void)snprintf(out, ELAPSED_MAX, "%lldm%02llds", s / 60, s % 60);
	else
		(void)snprintf(out, ELAPSED_MAX, "%lldh%02lldm", s / 3600,
		    s / 60 % 60);
}

/* --- what is drawn -------------------------------------------------------- */

/* The terminal's size. */
static void
measure(const struct progress *p, size_t *rows, size_t *columns)
{
	struct winsize w;

	if (ioctl(p->fd, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 ||
	    w.ws_col == 0)
		w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	*rows = w.ws_row < PROGRESS_ROWS_MAX ? w.ws_row : PROGRESS_ROWS_MAX;
	*columns = w.ws_col < PROGRESS_COLUMNS_MAX ? w.ws_col :
	    PROGRESS_COLUMNS_MAX;
}

/* One target's line. */
static void
add_line(const struct progress *p, const struct line *l, const char *name,
    size_t columns, struct text *t)
{
	size_t left = columns - 1, wide = p->name_columns;
	char elapsed[ELAPSED_MAX] = "";

	if (wide > left / 2)
		wide = left / 2;
	if (p->bold)
		text_add(t, BOLD);
	add_column(t, name, wide);
	if (p->bold)
		text_add(t, PLAIN);
	left -= wide;
	if (l->place == PLACE_UNDER_WAY)
		add_elapsed(elapsed, clock_ms() - l->since_ms);
	if (left > 9) {
		text_addf(t, " %6s  ", elapsed);
		left -= 9;
		(void)add_cell(t, l->place == PLACE_WAITING ? "waiting" :
		    l->text, left);
	}
	text_addc(t, '\n');
}

/* All lines, as many as there is room for; returns how many.  The one in which
 * the cursor is has to be on the screen, too. */
static size_t
add_lines(struct progress *p, size_t rows, size_t columns, struct text *t)
{
	size_t all = 0, room = rows - 1, n = 0, i;
	char more[64];

	(void)pthread_mutex_lock(&p->state);
	for (i = 0; i < p->n; i++)
		all += p->lines[i].place != PLACE_DONE;
	if (all > room)
		room--;
	/* They begin in their order: who waits comes last. */
	for (i = 0; i < p->n && n < room; i++) {
		if (p->lines[i].place == PLACE_DONE)
			continue;
		add_line(p, &p->lines[i], p->names[i], columns, t);
		n++;
	}
	(void)pthread_mutex_unlock(&p->state);
	if (n < all) {
		(void)snprintf(more, sizeof(more), "and %zu more", all - n);
		(void)add_cell(t, more, columns - 1);
		text_addc(t, '\n');
		n++;
	}
	return n;
}

/* Whether we may draw now: another job may have the terminal. */
static bool
has_terminal(const struct progress *p)
{
	pid_t front = tcgetpgrp(p->fd);

	return front < 0 || front == getpgrp();
}

/* Write all of it, unless the terminal takes none for long. */
static void
write_all(int fd, const char *s, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	ssize_t done;

	while (n > 0) {
		done = write(fd, s, n);
		if (done > 0) {
			s += done;
			n -= (size_t)done;
		} else if (done < 0 && errno != EINTR && (errno != EAGAIN ||
		    poll(&room, 1, WRITE_MS) <= 0)) {
			return;
		}
	}
}

/*
 * Draw it all anew, with ${above} above it; or, if there is nothing above and
 * nothing is new, do nothing.  Without ${lines} nothing is drawn in the place
 * of what there is.  The caller has `screen`.
 */
static void
draw(struct progress *p, const char *above, size_t len, bool lines)
{
	size_t rows, columns, n = 0, cap;
	struct text t;
	char *all, *shown;

	measure(p, &rows, &columns);
	if (rows < 2 || columns < 2 || !has_terminal(p) ||
	    clock_ms() < p->first_ms)
		lines = false;
	cap = HEAD_MAX + len + (lines ? rows * (2 * columns + LINE_MORE) : 0);
	if ((all = malloc(cap)) == NULL) {
		write_all(p->fd, above, len);
		return;
	}
	text_init(&t, all, cap);
	if (p->drawn > 0)
		text_addf(&t, UP, p->drawn);
	for (size_t i = 0; i < len; i++)
		text_addc(&t, above[i]);
	shown = all + t.len;
	if (lines)
		n = add_lines(p, rows, columns, &t);
	if (len > 0 || n != p->drawn || p->shown == NULL ||
	    strcmp(shown, p->shown) != 0) {
		write_all(p->fd, all, t.len);
		free(p->shown);
		p->shown = strdup(shown);
		p->drawn = n;
	}
	free(all);
}

/* A line of the log. */
static void
put_above(void *cookie, const char *line, size_t len)
{
	struct progress *p = cookie;

	(void)pthread_mutex_lock(&p->screen);
	draw(p, line, len, true);
	(void)pthread_mutex_unlock(&p->screen);
}

/* --- elsewhere ------------------------------------------------------------ */

/* Tell of those that take long. */
static void
remind(struct progress *p)
{
	char text[PROGRESS_TEXT_MAX] = "", elapsed[ELAPSED_MAX] = "";
	int64_t now = clock_ms();
	struct line *l;
	bool is_due;

	for (size_t i = 0; i < p->n; i++) {
		l = &p->lines[i];
		(void)pthread_mutex_lock(&p->state);
		is_due = l->place == PLACE_UNDER_WAY && now >= l->remind_ms;
		if (is_due) {
			memcpy(text, l->text, sizeof(text));
			add_elapsed(elapsed, now - l->since_ms);
			l->remind_ms = now + (now - l->since_ms);
		}
		(void)pthread_mutex_unlock(&p->state);
		if (is_due)
			log_info("%s: still %s, for %s", p->names[i],
			    text[0] != '\0' ? text : "under way", elapsed);
	}
}

/* --- from the beginning to the end ---------------------------------------- */

/* Whether there is a terminal that can do it. */
static bool
can_draw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) == 1 && term != NULL && term[0] != '\0' &&
	    strcmp(term, "dumb") != 0;
}

/* As wide as the widest name, within bounds. */
static size_t
widest(const char *const *names, size_t n)
{
	size_t most = 0, used;
	char room[8 * NAME_COLUMNS];
	struct text t;

	for (size_t i = 0; i < n; i++) {
		text_init(&t, room, sizeof(room));
		used = add_cell(&t, names[i], NAME_COLUMNS);
		if (used > most)
			most = used;
	}
	return most;
}

int
progress_new(struct progress **out, const char *const *names, size_t n,
    int fd, bool plain)
{
	struct progress *p = calloc(1, sizeof(*p));
	const char *no_color = getenv("NO_COLOR");

	*out = NULL;
	if (p == NULL || (p->lines = calloc(n + 1, sizeof(*p->lines))) == NULL) {
		free(p);
		return ST_NOMEM;
	}
	if (pthread_mutex_init(&p->state, NULL) != 0 ||
	    pthread_mutex_init(&p->screen, NULL) != 0) {
		free(p->lines);
		free(p);
		return ST_SYSTEM;
	}
	p->names = names;
	p->n = n;
	p->fd = fd;
	p->live = !plain && can_draw(fd);
	p->bold = no_color == NULL || no_color[0] == '\0';
	p->name_columns = widest(names, n);
	p->first_ms = clock_ms() + PROGRESS_FIRST_MS;
	if (p->live)
		log_divert(put_above, p);
	*out = p;
	return ST_OK;
}

void
progress_begin(struct progress *p, size_t i)
{
	int64_t now = clock_ms();

	(void)pthread_mutex_lock(&p->state);
	p->lines[i].place = PLACE_UNDER_WAY;
	p->lines[i].since_ms = now;
	p->lines[i].remind_ms = now + PROGRESS_REMIND_MS;
	(void)pthread_mutex_unlock(&p->state);
}

void
progress_doing(struct progress *p, size_t i, const char *text)
{
	struct line *l = &p->lines[i];
	char cut[PROGRESS_TEXT_MAX];
	bool is_new;

	(void)snprintf(cut, sizeof(cut), "%s", text);
	(void)pthread_mutex_lock(&p->state);
	is_new = strcmp(l->text, cut) != 0;
	memcpy(l->text, cut, sizeof(cut));
	(void)pthread_mutex_unlock(&p->state);
	if (is_new)
		log_debug("%s: %s", p->names[i], cut);
}

void
progress_done(struct progress *p, size_t i)
{
	(void)pthread_mutex_lock(&p->state);
	p->lines[i].place = PLACE_DONE;
	(void)pthread_mutex_unlock(&p->state);
}

void
progress_tick(struct progress *p)
{
	if (!p->live) {
		remind(p);
		return;
	}
	(void)pthread_mutex_lock(&p->screen);
	draw(p, "", 0, true);
	(void)pthread_mutex_unlock(&p->screen);
}

void
progress_anew(struct progress *p)
{
	(void)pthread_mutex_lock(&p->screen);
	p->drawn = 0;
	free(p->shown);
	p->shown = NULL;
	(void)pthread_mutex_unlock(&p->screen);
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	if (p->live) {
		log_divert(NULL, NULL);
		draw(p, "", 0, false);
	}
	(void)pthread_mutex_destroy(&p->state);
	(void)pthread_mutex_destroy(&p->screen);
	free(p->shown);
	free(p->lines);
	free(p);
}
