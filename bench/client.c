#include "bench/client.h"

#include <err.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "proto/agent_num.h"
#include "proto/frame.h"

size_t
client_number(const char *text, size_t max)
{
	uint64_t n;

	if (num_u64(text, 1, max, &n) != ST_OK)
		errx(2, "not a number from 1 to %zu: %s", max, text);
	return n;
}

double
client_seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s >= 0 && s <= CLIENT_SECONDS_MAX))
		errx(2, "not a number of seconds up to %d: %s",
		    CLIENT_SECONDS_MAX, text);
	return s;
}

void
client_become(const char *text)
{
	uint64_t n;
	uid_t uid;

	if (num_u64(text, 0, 0x7fffffff, &n) != ST_OK)
		errx(2, "not a uid: %s", text);
	uid = (uid_t)n;
	if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		err(1, "cannot become uid %s", text);
}

int
client_dial(const char *path, bool wait)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int type = SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK);
	struct timeval tv = { .tv_sec = CLIENT_REPLY_S };
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		err(1, "socket");
	if (strlen(path) >= sizeof(sun.sun_path))
		errx(2, "too long for a socket: %s", path);
	memcpy(sun.sun_path, path, strlen(path));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	if (wait || errno != EAGAIN)
		err(1, "connect to %s", path);
	close(fd);
	return -1;
}

void
client_send(int fd, struct slice out)
{
	ssize_t n;

	for (; out.len > 0; out.p += n, out.len -= (size_t)n) {
		n = send(fd, out.p, out.len, MSG_NOSIGNAL);
		if (n <= 0)
			err(1, "send");
	}
}

struct slice
client_receive(int fd)
{
	static uint8_t room[FRAME_MAX];
	struct slice in, body;
	size_t len = 0;
	ssize_t n;
	int st;

	for (;;) {
		n = recv(fd, room + len, sizeof(room) - len, 0);
		if (n < 0)
			err(1, "no reply within %d s", CLIENT_REPLY_S);
		if (n == 0)
			errx(1, "the agent hung up");
		len += (size_t)n;
		in = (struct slice){ room, len };
		st = frame_next(&in, &body);
		if (st == ST_OK && in.len == 0)
			return body;
		if (st != ST_MORE)
			errx(1, "the agent sent no single reply");
	}
}

struct slice
client_list(const char *path)
{
	static const uint8_t ask[] = { 0, 0, 0, 1,
		SSH_AGENTC_REQUEST_IDENTITIES };
	int fd = client_dial(path, true);
	struct slice body;

	client_send(fd, (struct slice){ ask, sizeof(ask) });
	body = client_receive(fd);
	close(fd);
	if (body.p[0] != SSH_AGENT_IDENTITIES_ANSWER)
		errx(1, "a list was answered with %u", body.p[0]);
	return body;
}

struct client_keys
client_keys(struct slice list)
{
	struct client_keys k = { .r = wire_reader(list) };
	uint8_t code;

	if (wire_get_u8(&k.r, &code) != ST_OK ||
	    wire_get_u32(&k.r, &k.left) != ST_OK)
		errx(1, "the list is cut off");
	return k;
}

bool
client_keys_next(struct client_keys *k, struct slice *blob,
    struct public_fields *key)
{
	struct slice comment;

	while (k->left > 0) {
		k->left--;
		if (wire_get_string(&k->r, blob) != ST_OK ||
		    wire_get_string(&k->r, &comment) != ST_OK)
			errx(1, "the list is cut off");
		if (keyblob_decode(*blob, key) == ST_OK)
			return true;
	}
	if (!wire_end(&k->r))
		errx(1, "the list has more keys than it says");
	return false;
}

/* The first columns are of one nanosecond each, twice as many as those of any
 * factor of two behind them. */
static size_t
column(uint64_t ns)
{
	unsigned shift;

	if (ns < 2 * CLIENT_COLUMNS)
		return ns;
	shift = 63 - (unsigned)__builtin_clzll(ns) - 8;
	return shift * CLIENT_COLUMNS + (size_t)(ns >> shift);
}

_Static_assert(CLIENT_COLUMNS == 1 << 8, "column() shifts by that");

/* The middle of a column, in nanoseconds. */
static double
column_time(size_t at)
{
	size_t shift;

	if (at < 2 * CLIENT_COLUMNS)
		return (double)at;
	shift = at / CLIENT_COLUMNS - 1;
	return ((double)(at - shift * CLIENT_COLUMNS) + 0.5) *
	    (double)(1ull << shift);
}
void
client_time(struct client_times *t, int64_t ns)
{
	uint64_t u = ns > 0 ? (uint64_t)ns : 0;

	t->n++;
	t->sum += u;
	if (u > t->max)
		t->max = u;
	t->count[column(u)]++;
}

double
client_quantile(const struct client_times *t, double q)
{
	uint64_t want = (uint64_t)(q * (double)t->n), seen = 0;

	for (size_t i = 0; i < CLIENT_COLUMNS_ALL; i++) {
		seen += t->count[i];
		if (seen > want)
			return column_time(i) / 1000;
	}
	return (double)t->max / 1000;
}
