#include "faults/talk.h"

#include <errno.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/rig.h"
#include "faults/fault.h"
#include "faults/stage.h"
#include "proto/frame.h"

/* What takes longer waits for faults to end, as an accept without descriptors
 * does. */
#define TRY_MS		700

static uint8_t reply_bytes[FRAME_MAX];

int
talk_open(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { 0, TRY_MS * 1000 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, stage_files.sock, sizeof(stage_files.sock));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

void
talk_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
talk_send(int fd, struct slice bytes)
{
	(void)!send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
}

/* Receive; where nothing comes, without faults. */
static ssize_t
receive(int fd, uint8_t *to, size_t n)
{
	ssize_t got = -1;

	for (int ms = 0; ms < STAGE_PATIENCE_MS; ms += TRY_MS) {
		got = recv(fd, to, n, 0);
		if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			return got;
		(void)fault_off();
	}
	stage_wrong("no reply, and no end");
	return got;
}

/* Take so many bytes of a reply. */
static bool
take(int fd, uint8_t *to, size_t n)
{
	ssize_t got;

	while (n > 0) {
		if ((got = receive(fd, to, n)) <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

struct slice
talk(int fd, struct slice body)
{
	uint8_t head[4];
	size_t len;

	if (body.len > 0)
		talk_send(fd, rig_frame(body));
	if (!take(fd, head, sizeof(head)))
		return (struct slice){ NULL, 0 };
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
	    (size_t)head[2] << 8 | head[3];
	if (len == 0 || len > sizeof(reply_bytes)) {
		stage_wrong("a reply of %zu bytes", len);
		return (struct slice){ NULL, 0 };
	}
	if (!take(fd, reply_bytes, len))
		return (struct slice){ NULL, 0 };
	return (struct slice){ reply_bytes, len };
}

/* Whether it is a refusal, or none at all. */
static bool
is_refusal(struct slice reply)
{
	return reply.len == 0 || (reply.len == 1 &&
	    (reply.p[0] == SSH_AGENT_FAILURE ||
	    reply.p[0] == SSH_AGENT_EXTENSION_FAILURE));
}

bool
talk_done(int fd, struct slice body, uint8_t code)
{
	struct slice reply = talk(fd, body);

	if (reply.len == 1 && reply.p[0] == code)
		return true;
	if (!is_refusal(reply))
		stage_wrong("reply %u of %zu bytes to request %u", reply.p[0],
		    reply.len, body.p[0]);
	return false;
}

bool
talk_signs(int fd, const struct testkey *k, struct slice data)
{
	bool rsa = k->fields.type == KEY_RSA;
	const char *name = rsa ? "rsa-sha2-512" :
	    key_type_info(k->fields.type)->name;
	struct slice reply, sig;
	struct wire_reader r;

	reply = talk(fd, rig_sign(k->blob, data,
	    rsa ? SSH_AGENT_RSA_SHA2_512 : 0));
	if (is_refusal(reply))
		return false;
	r = wire_reader((struct slice){ reply.p + 1, reply.len - 1 });
	if (reply.p[0] != SSH_AGENT_SIGN_RESPONSE ||
	    wire_get_string(&r, &sig) != ST_OK || !wire_end(&r) ||
	    !testkey_verify(k, sig, name, data)) {
		stage_wrong("a wrong signature of a key of type %s", name);
		return false;
	}
	return true;
}
