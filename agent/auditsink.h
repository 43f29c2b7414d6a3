#ifndef AUDITSINK_H_
#define AUDITSINK_H_

/*
 * auditsink - where audit lines go, written by a thread of its own.
 *
 * Layer:   agent.
 * Threads: the functions here are for the first thread alone and never wait
 *          for the place that is written to.
 *
 * Lines wait in AUDITSINK_QUEUE bytes of memory and are written in batches.
 * What finds no room there, or cannot be written because the disk is full, is
 * counted; a file never ends in half a line that the next one follows.  As soon
 * as it can be written again a line says how many are missing (AUDIT_LOST).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/auditline.h"
#include "base/status.h"

#define AUDITSINK_QUEUE		(1024 * 1024)

struct auditsink;

/**
 * auditsink_open(out, where, form, why, whylen):
 * ${where} is "-" for stderr, "syslog", or a path.  A file is made with mode
 * 0600 and appended to; one that is there must be a plain file with one link,
 * belong to root or to us, and be writable by nobody else; a symlink is
 * refused; the directory must be one that others cannot change.
 * Starts no thread yet.
 *
 * Errors: ST_UNTRUSTED, ST_SYSTEM, ST_NOMEM; ${why} says what and what to do
 */
int auditsink_open(struct auditsink **out, const char *where,
    enum auditline_form form, char *why, size_t whylen) MUST_USE;

/**
 * auditsink_kind(s):
 * What it writes to.
 */
enum auditsink_kind {
	AUDITSINK_STDERR,
	AUDITSINK_SYSLOG,
	AUDITSINK_FILE,		/* opened anew when that is asked for */
};
enum auditsink_kind auditsink_kind(const struct auditsink *s);

/**
 * auditsink_fd(s):
 * The descriptor that it has open beside 0 to 2, or -1.  To be asked before
 * auditsink_start(): later the writer opens others.
 */
int auditsink_fd(const struct auditsink *s);

/**
 * auditsink_start(s):
 * Begin to write.  When it returns the thread has made its first steps.
 *
 * Errors: ST_SYSTEM
 */
int auditsink_start(struct auditsink *s) MUST_USE;

/**
 * auditsink_put(s, rec):
 * Have a record written; false: it is lost, for want of room.
 */
bool auditsink_put(struct auditsink *s, const struct audit_record *rec);

/**
 * auditsink_reopen(s):
 * Have the file opened anew, by its path, after all that waits was written to
 * the old one.  If that fails the old one stays, and the log says so.
 */
void auditsink_reopen(struct auditsink *s);

/**
 * auditsink_lost(s):
 * Records that were lost so far.
 */
uint64_t auditsink_lost(struct auditsink *s);

/**
 * auditsink_free(s):
 * Write what waits, for at most AUDITSINK_END_MS, and end.  A writer that is
 * stuck then is left alone, with its memory: the process is about to end.
 * NULL is fine.
 */
#define AUDITSINK_END_MS	1000
void auditsink_free(struct auditsink *s);

#endif /* !AUDITSINK_H_ */
