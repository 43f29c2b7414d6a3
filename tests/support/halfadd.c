/*
 * halfadd - send the first half of requests to add a key, one on a connection
 * of its own each, and never the rest.
 *
 * usage: halfadd SOCKET COUNT BYTES
 *
 * Each announces BYTES and sends half of them, which is not a key of anyone.
 * As many connections as the agent lets be are held; when there are no more
 * descriptors the oldest is closed.  "sent N" goes to stdout once COUNT were
 * begun; then the rest is held until SIGTERM or until the agent ends it all.
 * Exit status: 0 they were sent; 1 the agent is not there; 2 wrong use.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/unixsock.h"
#include "proto/agent_num.h"
#include "proto/frame.h"
#include "proto/wire.h"

#define COUNT_MAX	100000
/* Descriptors that are used at most. */
#define HELD_MAX	1000

/* The first half of a frame of n bytes; how long that is. */
static size_t
make_half(uint8_t *p, size_t n)
{
	struct wire_writer w = wire_writer(p, n);

	wire_put_u32(&w, (uint32_t)(n - FRAME_HEAD));
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, "ssh-rsa");
	/* One number that is all the rest, or it would be thrown away at
	 * once. */
	wire_put_u32(&w, (uint32_t)(n - w.len - 4));
	memset(p + w.len, 0x55, n - w.len);
	return n / 2;
}

int
main(int argc, char **argv)
{
	static uint8_t room[FRAME_HEAD + FRAME_BODY_MAX];
	static int held[HELD_MAX];
	struct rlimit files = { HELD_MAX + 16, HELD_MAX + 16 };
	uint64_t count = 0, bytes = 0, refused = 0;
	size_t half;
	int fd;

	if (argc != 4 || num_u64(argv[2], 1, COUNT_MAX, &count) != ST_OK ||
	    num_u64(argv[3], 64, sizeof(room), &bytes) != ST_OK) {
		(void)fputs("usage: halfadd SOCKET COUNT BYTES\n", stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	half = make_half(room, bytes);
	for (uint64_t n = 0; n < count; n++) {
		if (held[n % HELD_MAX] > 0)
			(void)close(held[n % HELD_MAX]);
		if (unixsock_connect(argv[1], &fd) != ST_OK) {
			perror(argv[1]);
			return 1;
		}
		/* Above its limit of connections the agent hangs up. */
		if (send(fd, room, half, MSG_DONTWAIT) != (ssize_t)half)
			refused++;
		held[n % HELD_MAX] = fd;
	}
	(void)printf("sent %ju, %ju refused\n", (uintmax_t)count,
	    (uintmax_t)refused);
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
