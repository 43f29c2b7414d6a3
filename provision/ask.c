#include "provision/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/text.h"

/* What is escaped at once: of a byte come at most four. */
#define PIECE_MAX	256

static int
say(int fd, const char *s)
{
	return fdio_write_full(fd, s, strlen(s));
}

/* Show a line, whoever may have written it. */
static int
say_line(int fd, const char *line, size_t len)
{
	char out[4 * PIECE_MAX + 2];
	size_t n;
	struct text t;
	int st = ST_OK;

	do {
		n = len < PIECE_MAX ? len : PIECE_MAX;
		/* Not in the middle of a character. */
		while (n < len && n > PIECE_MAX - 4 &&
		    ((unsigned char)line[n] & 0xc0) == 0x80)
			n--;
		text_init(&t, out, sizeof(out));
		text_escape(&t, line, n);
		line += n;
		len -= n;
		if (len == 0)
			text_addc(&t, '\n');
		st = say(fd, out);
	} while (st == ST_OK && len > 0);
	return st;
}

static int
say_text(int fd, const char *text)
{
	size_t len;
	int st = ST_OK;

	while (st == ST_OK && *text != '\0') {
		len = strcspn(text, "\n");
		st = say_line(fd, text, len);
		text += len + (text[len] == '\n');
	}
	return st;
}

/* Read a line without its end, and without blanks around it.  What is longer
 * than any answer is read to its end and is none.  ST_CLOSED: no more comes. */
static int
read_answer(int fd, char answer[static ASK_ANSWER_MAX])
{
	size_t len = 0, from;
	bool over = false;
	ssize_t n;
	char c;

	for (;;) {
		n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EIO ? ST_CLOSED : ST_SYSTEM;
		if (n == 0)
			return ST_CLOSED;
		if (c == '\n')
			break;
		if (c != '\0' && len < ASK_ANSWER_MAX - 1)
			answer[len++] = c;
		else
			over = true;
	}
	while (len > 0 && strchr(" \t\r", answer[len - 1]) != NULL)
		len--;
	answer[len] = '\0';
	from = strspn(answer, " \t");
	memmove(answer, answer + from, len - from + 1);
	if (over)
		memcpy(answer, "?", 2);
	return ST_OK;
}

/* ST_OK: yes; ST_DENIED: no; ST_MORE: neither. */
static int
judge(const struct ask_question *q, const char *answer, size_t *which)
{
	*which = q->n;
	if (strcmp(answer, "yes") == 0)
		return ST_OK;
	for (size_t i = 0; i < q->n; i++) {
		if (strcmp(answer, q->prints[i]) == 0) {
			*which = i;
			return ST_OK;
		}
	}
	return answer[0] == '\0' || strcmp(answer, "no") == 0 ? ST_DENIED :
	    ST_MORE;
}

/* Ask until there is an answer. */
static int
ask_at(int fd, const struct ask_question *q, size_t *which)
{
	const char *prompt = q->n > 0 ? "(yes/no/[fingerprint])? " :
	    "(yes/no)? ";
	char answer[ASK_ANSWER_MAX];
	int st, i;

	if ((st = say_text(fd, q->text)) != ST_OK)
		return st;
	/* What was typed before the question was seen. */
	(void)tcflush(fd, TCIFLUSH);
	for (i = 0; i < ASK_TRIES_MAX; i++) {
		if (i > 0 && (st = say(fd, q->n > 0 ? "Please type yes or no "
		    "in full, or a fingerprint.\n" : "Please type yes or no "
		    "in full.\n")) != ST_OK)
			return st;
		if ((st = say(fd, prompt)) != ST_OK)
			return st;
		if ((st = read_answer(fd, answer)) == ST_CLOSED) {
			(void)say(fd, "\n");
			return ST_DENIED;
		}
		if (st != ST_OK || (st = judge(q, answer, which)) != ST_MORE)
			return st;
	}
	return ST_DENIED;
}

int
ask_yes(const struct ask_question *q, size_t *which)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), st;
	size_t place = q->n;

	if (fd < 0)
		return ST_NOT_FOUND;
	st = ask_at(fd, q, &place);
	(void)close(fd);
	/* The terminal was taken away while we wrote to it. */
	if (st == ST_CLOSED)
		st = ST_DENIED;
	if (which != NULL)
		*which = place;
	return st;
}
