#ifndef LOADPIPE_H_
#define LOADPIPE_H_

/*
 * loadpipe - how a bundle travels over stdin and stdout of a program in a
 * container.
 *
 * Layer:   proto.
 * Source:  docs/PROTOCOL.md section 7.
 *
 * Shape:   The host speaks first: the line LOADPIPE_MAGIC.  Then the loading
 *          process answers, with lines that begin with LOADPIPE_MARK; the
 *          host passes over all that is not such a line, since transports mix
 *          other output in and end lines as they like.  After the hello the
 *          host sends frames, u32 length and as many bytes: parts of the
 *          bundle; one of length 0, which asks whether all of it is staged;
 *          and another one of length 0, which asks for the commit.
 *          Nothing depends on an end of file.
 */

#include "base/status.h"
#include "base/text.h"
#include "proto/extension.h"
#include "proto/wire.h"

#define LOADPIPE_MAGIC		"bottle-bundle 1\n"
#define LOADPIPE_MARK		"bottle-load: "
/* Longest line, with its end: a comment may be long. */
#define LOADPIPE_LINE_MAX	2048
/* Longest frame. */
#define LOADPIPE_FRAME_MAX	LOAD_CHUNK_MAX

enum loadpipe_kind {
	LOADPIPE_HELLO,		/* text: version, machine, "uid=" and who it
				 * runs as; key */
	LOADPIPE_STAGED,	/* every key was opened and tried out */
	LOADPIPE_KEY,		/* text: type, fingerprint, comment; it is in
				 * force: one for each after the commit */
	LOADPIPE_DONE,		/* n: how many there were of these */
	LOADPIPE_FAILED,	/* n: exit code; item; text: why */
};

struct loadpipe_line {
	enum loadpipe_kind	 kind;
	uint32_t		 n;
	uint32_t		 item;	/* record of the bundle, from 1; or 0 */
	uint8_t			 key[LOAD_PUBLIC_KEY];	/* X25519 */
	struct slice		 text;
};

/**
 * loadpipe_put(t, line):
 * Append a line with its end; ${line}->text is escaped, and cut to fit.
 */
void loadpipe_put(struct text *t, const struct loadpipe_line *line);

/**
 * loadpipe_get(line, out):
 * Take one line apart, without its LF and with or without a CR.
 *
 * Owns:   ${out} borrows from ${line}.  The text is as it was sent: who shows
 *         it escapes it.
 * Errors: ST_NOT_FOUND  none of ours
 *         ST_MALFORMED  one of ours, and broken
 */
int loadpipe_get(struct slice line, struct loadpipe_line *out) MUST_USE;

#endif /* !LOADPIPE_H_ */
