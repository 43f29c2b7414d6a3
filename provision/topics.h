#ifndef TOPICS_H_
#define TOPICS_H_

/*
 * topics - the texts of bottle-provision help.  They are in provision/topics,
 * a file for each.
 *
 * Layer:   provision.
 */

#include <stddef.h>

struct topic {
	const char	*name;
	const char	*what;		/* one line; NULL for a command, which
					 * options.c has one for */
	const char	*text;		/* lines */
};

extern const struct topic topics[];
extern const size_t topics_n;

/**
 * topics_find(name):
 * NULL: there is none of that name.
 */
const struct topic *topics_find(const char *name);

/**
 * topics_nearest(name):
 * What was most likely meant, or NULL.
 */
const char *topics_nearest(const char *name);

#endif /* !TOPICS_H_ */
