#include "tests/attack/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/agent_num.h"
#include "proto/frame.h"

const char *
talk_path(void)
{
	const char *path = getenv("SSH_AUTH_SOCK");

	return path != NULL ? path : "/run/bottle-agent.sock";
}

int
talk_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", talk_path());
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

bool
talk_send_bytes(int fd, struct slice bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

bool
talk_send(int fd, struct slice body)
{
	static uint8_t room[FRAME_MAX + 1024];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice frame;

	wire_put_string(&w, body);
	return wire_done(&w, &frame) == ST_OK && talk_send_bytes(fd, frame);
}

/* Exactly that many bytes: 1, or TALK_CLOSED or TALK_SILENCE. */
static int
receive_bytes(int fd, uint8_t *p, size_t len)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (len > 0) {
		if (poll(&there, 1, TALK_WAIT_MS) == 0)
			return TALK_SILENCE;
		n = recv(fd, p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return TALK_CLOSED;
		p += n;
		len -= (size_t)n;
	}
	return 1;
}

int
talk_receive(int fd, struct slice *reply)
{
	static uint8_t room[FRAME_MAX];
	uint32_t len = 0;
	struct wire_reader r = wire_reader((struct slice){ room, 4 });
	int got;

	if ((got = receive_bytes(fd, room, 4)) != 1)
		return got;
	if (wire_get_u32(&r, &len) != ST_OK || len == 0 || len > sizeof(room)) {
		(void)fprintf(stderr, "a reply of %u bytes\n", len);
		exit(1);
	}
	if ((got = receive_bytes(fd, room, len)) != 1)
		return got;
	if (reply != NULL)
		*reply = (struct slice){ room, len };
	return room[0];
}

int
talk_ask(int fd, struct slice body, struct slice *reply)
{
	/* One that was hung up on may have been answered before. */
	(void)talk_send(fd, body);
	return talk_receive(fd, reply);
}

int
talk_once(struct slice body)
{
	int fd = talk_connect(), type = TALK_CLOSED;

	if (fd < 0)
		return TALK_CLOSED;
	type = talk_ask(fd, body, NULL);
	(void)close(fd);
	return type;
}

/* Take the reply apart. */
static bool
parse_list(struct talk_ring *ring)
{
	struct wire_reader r = wire_reader((struct slice){ ring->bytes + 1,
		ring->len - 1 });
	uint32_t n = 0;

	if (wire_get_u32(&r, &n) != ST_OK || n > TALK_KEYS_MAX)
		return false;
	for (ring->n = 0; ring->n < n; ring->n++)
		if (wire_get_string(&r, &ring->keys[ring->n].blob) != ST_OK ||
		    wire_get_string(&r, &ring->keys[ring->n].comment) != ST_OK)
			return false;
	return wire_end(&r);
}

bool
talk_list(struct talk_ring *ring)
{
	static const uint8_t list[] = { SSH_AGENTC_REQUEST_IDENTITIES };
	struct slice got = { NULL, 0 };
	int fd = talk_connect(), type;

	if (fd < 0)
		return false;
	type = talk_ask(fd, (struct slice){ list, 1 }, &got);
	(void)close(fd);
	if (type != SSH_AGENT_IDENTITIES_ANSWER ||
	    (ring->bytes = malloc(got.len)) == NULL)
		return false;
	memcpy(ring->bytes, got.p, got.len);
	ring->len = got.len;
	return parse_list(ring);
}

struct slice
talk_key(const char *comment)
{
	static struct talk_ring ring;

	if (ring.bytes == NULL)
		(void)talk_list(&ring);
	for (size_t i = 0; i < ring.n; i++)
		if (slice_eq_str(ring.keys[i].comment, comment))
			return ring.keys[i].blob;
	(void)fprintf(stderr, "the agent lists no key \"%s\"\n", comment);
	exit(2);
}
