#ifndef RIG_H_
#define RIG_H_

/*
 * rig - a real agent process, and what to say to it over its real socket.
 *
 * The program is $BOTTLE_BIN, or the one that CMake built.  It dies with the
 * test.  What it prints goes to a file that is shown when something fails.
 *
 * Everything here fails the test by itself when the agent does not do what
 * was asked for: nothing needs a look at its result but an answer.  A wait for
 * something that must come is RIG_PATIENCE_MS at most.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "proto/agent_num.h"
#include "proto/statusmsg.h"
#include "proto/wire.h"
#include "support/testkeys.h"

#define RIG_PATIENCE_MS	60000
/* Exit code of a program in which everything was skipped. */
#define RIG_SKIPPED	77

struct rig {
	pid_t	 pid;			/* of the agent; 0: none */
	char	 dir[32];		/* of the test's own, mode 755 */
	char	 sock[64];
	char	 log[64];		/* what the agent prints */
	unsigned nofile;		/* limit of descriptors; 0: as it is */
};

/* What rig_list() found. */
struct rig_key {
	struct slice	 blob;
	struct slice	 comment;
};

/*
 * The process.
 */

/* Make the directory; take it away again, with what is in it. */
void rig_open(struct rig *r);
void rig_close(struct rig *r);

/* Start an agent in the foreground with these options, NULL at the end, and
 * wait until it serves. */
void rig_start(struct rig *r, ...) __attribute__((__sentinel__));

/* Run the program with just these arguments in a child whose output is in
 * r->log, and whose descriptor 3 is fd unless that is -1. */
pid_t rig_run(const struct rig *r, const char *const *args, int fd);

/* Wait for a child: its exit code, or 128 and the signal that ended it. */
int rig_wait(pid_t pid);

/* End the agent by a signal and wait for it; its exit code. */
int rig_stop(struct rig *r, int signo);

/* End it by SIGTERM and clean up; fail unless its exit code is the given
 * one.  The teardown of most tests: nothing if there is no agent. */
int rig_finish(struct rig *r, int code);

/* Fail unless the agent still runs. */
void rig_alive(const struct rig *r);

/* Send a signal that it survives, and wait until it was acted on. */
void rig_signal(const struct rig *r, int signo);

/* Whether the agent has printed this. */
bool rig_logged(const struct rig *r, const char *text);

/* Resident memory of the agent in KiB. */
size_t rig_rss(const struct rig *r);

/* Locked memory by which a baseline may differ after many signatures: what
 * libcrypto makes anew now and then, as for blinding, lies in a gap that may be
 * 16 bytes too large to be used up.  A piece kept by each of some hundred
 * requests is more. */
#define RIG_FIT		512

/* How many KiB of growth are nothing: more under a sanitizer, which keeps what
 * was freed for a while. */
size_t rig_slack(size_t kib);

/* Milliseconds on the clock that the agent uses. */
int64_t rig_now(void);
void rig_sleep(int64_t ms);

/* Be another uid, with no more groups than its own, until rig_become(0).
 * Only root can. */
void rig_become(uid_t uid);

/*
 * One connection.  Descriptors are blocking.
 */

int rig_connect(const struct rig *r);
void rig_hang_up(int fd);

/* Send raw bytes, or a body with its length before it. */
void rig_send(int fd, struct slice bytes);
void rig_send_body(int fd, struct slice body);

/* As rig_send(), but the peer may be gone: whether all was taken. */
bool rig_try_send(int fd, struct slice bytes);

/* Receive one reply.  It is good until the next one. */
struct slice rig_receive(int fd);

/* Whether a reply, or end of file, comes within that time. */
bool rig_quiet(int fd, int ms);

/* Fail unless nothing comes but the end of the connection, and soon. */
void rig_expect_eof(int fd);

/* Whether the connection has ended; what still arrives is thrown away. */
bool rig_is_gone(int fd);

/* Send a body, receive the reply. */
struct slice rig_ask(int fd, struct slice body);

/* Fail unless the answer to a body, or the next reply, is this one byte. */
void rig_expect(int fd, struct slice body, uint8_t code);
void rig_expect_next(int fd, uint8_t code);

/*
 * Requests.  The bodies are kept until rig_forget().
 */

struct slice rig_type(uint8_t type);
struct slice rig_string(uint8_t type, struct slice s);
struct slice rig_text(uint8_t type, const char *s);
struct slice rig_add(const struct testkey *k, const char *comment,
    struct slice constraints);
struct slice rig_sign(struct slice blob, struct slice data, uint32_t flags);

/* Two runs of bytes as one; a body as a frame. */
struct slice rig_join(struct slice a, struct slice b);
struct slice rig_frame(struct slice body);

/* Release all bodies; a group teardown. */
int rig_forget(void **state);

/*
 * Answers.
 */

/* List; how many keys there are.  The array is good until the next reply. */
size_t rig_list(int fd, const struct rig_key **out);

/* Fail unless the list is just these comments, in this order. */
void rig_expect_comments(int fd, const char *const *comments, size_t n);

/* Fail unless the agent signs, or unless the reply in hand is a signature,
 * and the signature is good. */
void rig_expect_signature(int fd, const struct testkey *k, uint32_t flags,
    const char *algorithm, struct slice data);
void rig_check_signature(struct slice reply, const struct testkey *k,
    const char *algorithm, struct slice data);

/* The head of status@bottle-agent, which needs admin. */
struct statusmsg_head rig_status(int fd);

/* Wait until all who connected were accepted, and the agent has just that many
 * connections. */
void rig_await_connections(const struct rig *r, int fd, uint32_t n);

/**
 * rig_git():
 * What git wants signed: a key in service mode signs it without any rules.
 */
struct slice rig_git(void);

#endif /* !RIG_H_ */
