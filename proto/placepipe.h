#ifndef PLACEPIPE_H_
#define PLACEPIPE_H_

/*
 * placepipe - how files for a user's home travel over stdin and stdout of
 * `bottle-forward place`, which runs in the container as that user.
 *
 * Layer:   proto.
 * Source:  docs/PROTOCOL.md section 12.
 *
 * All of it is public: ssh's configuration, known hosts, public keys.
 *
 * Shape:   The host sends frames, u32 length and as many bytes: a u8
 *          PLACE_* and a body.  The placing process answers with lines that
 *          begin with PLACEPIPE_MARK; the host passes over all others.
 *          Nothing depends on an end of file, but one before PLACE_KEEP undoes
 *          what was done: unless it came after "switched" and the agent has
 *          the keys that these files are for, see forwarder/place.h.  A host
 *          that wants all of it undone says so with PLACE_UNDO; a frame that
 *          is broken or out of turn does the same.
 *
 *          begin     once and first
 *          file*     into the load's own directory
 *          common*   beside it, for all loads
 *          line*     lines that a file of the user's is to have
 *          stage     write all of it, out of sight: answered with "staged"
 *          switch    put it in the place of the earlier one: "switched"
 *          keep      take the earlier one away: "kept", and the end
 *          undo      in the place of any of them: "failed", and the end
 *
 *          A load whose placing process was killed is settled by another one:
 *
 *          begin     once and first
 *          settle    or revert: "settled", and the end
 *
 *          Before stage nothing in the home is touched.
 */

#include <stdbool.h>

#include "base/status.h"
#include "base/text.h"
#include "base/unixsock.h"
#include "base/users.h"
#include "proto/wire.h"

#define PLACEPIPE_MAGIC		"bottle-place 1\n"	/* in front of it all */
#define PLACEPIPE_MARK		"bottle-place: "
#define PLACEPIPE_LINE_MAX	2048
/* Longest frame: a file of known hosts, with room. */
#define PLACEPIPE_FRAME_MAX	(512 * 1024)
/* Most frames FILE, COMMON and LINE of a load, and bytes in them without their
 * lengths. */
#define PLACEPIPE_FILES_MAX	1024
#define PLACEPIPE_BYTES_MAX	(4 * 1024 * 1024)
/* Most frames LINE, and bytes of lines in one. */
#define PLACEPIPE_LINES_MAX	16
#define PLACEPIPE_LINES_LEN_MAX	4096
/* Longest name: of a load, as the agent takes it, and of a file. */
#define PLACEPIPE_NAME_MAX	64
#define PLACEPIPE_PATH_MAX	255
/* Longest home and path of a socket. */
#define PLACEPIPE_HOME_MAX	(USERS_HOME_MAX - 1)
#define PLACEPIPE_SOCKET_MAX	(UNIXSOCK_PATH_MAX - 1)

/* The lines that a load needs in files of the user's: for ssh, which are the
 * same for all loads, and for git; the latter is a format of printf for the
 * name. */
#define PLACEPIPE_SSH_LINES	"Include ~/.ssh/bottle-agent/*/config\n"
#define PLACEPIPE_GIT_LINES	"[include]\n\tpath = " \
				"~/.ssh/bottle-agent/%s/gitconfig\n"

enum placepipe_kind {
	PLACE_BEGIN = 1,	/* text name of the load, text home or empty
				 * (that of the user), text socket */
	PLACE_FILE,		/* text name, string bytes */
	PLACE_COMMON,		/* text name, string bytes */
	PLACE_LINE,		/* text path below the home, text lines (a last
				 * LF may be missing): they go to the top of
				 * it, unless they are there, one below the
				 * other */
	PLACE_STAGE,		/* nothing */
	PLACE_SWITCH,		/* nothing */
	PLACE_KEEP,		/* nothing */
	PLACE_UNDO,		/* nothing */
	PLACE_SETTLE,		/* nothing: a load that was killed after it was
				 * switched stays if the agent has its keys,
				 * else all is put back */
	PLACE_REVERT,		/* nothing: the same, but the one of BEGIN is
				 * put back whatever the agent has */
};

/* What came of the load of BEGIN: the number of "settled". */
enum placepipe_settled {
	PLACEPIPE_NOTHING,	/* there was nothing to settle */
	PLACEPIPE_REVERTED,	/* its files are as they were before */
	PLACEPIPE_STAYS,	/* its files are in force, and the agent has the
				 * keys: also when nothing had to be settled */
};

struct placepipe_frame {
	enum placepipe_kind	 kind;
	struct slice		 name;	/* load, file or path: see below */
	struct slice		 bytes;	/* contents or lines; BEGIN: home */
	struct slice		 socket;	/* of BEGIN */
};

/**
 * placepipe_decode(body, out):
 * Decode one frame, without its length.  Names of loads and files are
 * [A-Za-z0-9@_+=,-][A-Za-z0-9@_+=,.-]*, at most PLACEPIPE_NAME_MAX or
 * PLACEPIPE_PATH_MAX bytes; a path of LINE is such names with / between them,
 * whose first may begin with a dot, and none of which is "..".  A home is
 * absolute or empty, a socket absolute; no text has a NUL.
 *
 * Owns:   ${out} borrows from ${body}.
 * Errors: ST_MALFORMED    a field is missing, broken, or one too many
 *         ST_TOO_LARGE    above a limit
 *         ST_UNSUPPORTED  a kind unknown to us
 */
int placepipe_decode(struct slice body, struct placepipe_frame *out) MUST_USE;

/**
 * placepipe_is_name(s):
 * Whether it is a name of a load.
 */
bool placepipe_is_name(struct slice s);

/**
 * placepipe_is_path(s):
 * Whether it is a path as LINE has it, but for its length.
 */
bool placepipe_is_path(struct slice s);

/**
 * placepipe_put(w, frame):
 * Append a frame with its length.  What was decoded comes out as it went in.
 */
void placepipe_put(struct wire_writer *w, const struct placepipe_frame *frame);

enum placepipe_word {
	PLACEPIPE_HELLO,	/* text: version, machine, "uid=" and who it
				 * runs as, and the folder of the program; at
				 * the start */
	PLACEPIPE_STAGED,
	PLACEPIPE_SWITCHED,
	PLACEPIPE_KEPT,
	PLACEPIPE_FAILED,	/* n: exit code; text: what and where; nothing
				 * is changed */
	PLACEPIPE_SETTLED,	/* n: PLACEPIPE_*; text: what somebody has
				 * changed and was left as it is, or empty */
	/* Of bottle-forward remove. */
	PLACEPIPE_REMOVED,	/* text: a load whose files are gone */
	PLACEPIPE_ABSENT,	/* text: a load of which there were none */
	PLACEPIPE_LEFT,		/* text: what stays, and why */
	PLACEPIPE_FINISHED,	/* n: loads that are left; the end */
};

struct placepipe_line {
	enum placepipe_word	 word;
	uint32_t		 n;
	struct slice		 text;
};

/**
 * placepipe_line_put(t, line):
 * Append a line with its end; ${line}->text is escaped, and cut to fit.
 */
void placepipe_line_put(struct text *t, const struct placepipe_line *line);

/**
 * placepipe_line_get(line, out):
 * Take one line apart, without its LF and with or without a CR.
 *
 * Owns:   ${out} borrows from ${line}.  The text is as it was sent: who shows
 *         it escapes it.
 * Errors: ST_NOT_FOUND  none of ours
 *         ST_MALFORMED  one of ours, and broken
 */
int placepipe_line_get(struct slice line, struct placepipe_line *out)
    MUST_USE;

#endif /* !PLACEPIPE_H_ */
