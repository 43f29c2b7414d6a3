#ifndef PATTERN_H_
#define PATTERN_H_

/*
 * pattern - shell-like patterns of host and user names.
 *
 * Layer:   base.
 * Source:  ssh_config(5) "PATTERNS": * is any run of bytes, ? is one byte;
 *          nothing escapes them.
 */

#include <stdbool.h>
#include <stddef.h>

/**
 * pattern_match(pattern, plen, text, tlen):
 * Whether ${pattern} matches all of ${text}.  Takes no more than ${plen} times
 * ${tlen} steps, whatever the bytes are; no memory.
 */
bool pattern_match(const char *pattern, size_t plen, const char *text,
    size_t tlen);

/**
 * pattern_list_match(list, llen, text, tlen):
 * Whether a comma-separated list has a pattern that matches, and none with a !
 * before it that does.
 */
bool pattern_list_match(const char *list, size_t llen, const char *text,
    size_t tlen);

#endif /* !PATTERN_H_ */
