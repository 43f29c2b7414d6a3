#ifndef PLACES_H_
#define PLACES_H_

/*
 * places - where key bytes were seen, over several rounds, and the verdict.
 *
 * Layer:   tests.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "memscan/finder.h"
#include "memscan/target.h"

struct place {
	struct hit	 hit;		/* len: the longest that was seen */
	bool		 locked;
	char		 label[TARGET_LABEL_MAX];
	unsigned	 rounds;	/* in how many it was there */
	unsigned	 last;		/* the last of them, from 1 */
};

struct places {
	struct place	*list;
	size_t		 n, cap;
	unsigned	 round;		/* the present one, from 1 */
	unsigned	 done;		/* how many were completed */
	struct target_bytes bytes;	/* of all rounds */
};

/* Different places, over all rounds. */
struct places_count {
	size_t	 locked;		/* secret */
	size_t	 unlocked;		/* secret */
	size_t	 public;
	bool	 public_all;		/* something public of every key */
};

/**
 * places_add(all, m, hit):
 * One hit of the present round.
 */
void places_add(struct places *all, const struct mapping *m,
    const struct hit *hit);
void places_fini(struct places *all);

struct places_count places_count(const struct places *all,
    const struct needles *needles);

/**
 * places_print(all, count, what, f):
 * A line for each place, unlocked ones first, and a last line for programs.
 * ${what} is the verdict, a word.
 */
void places_print(const struct places *all, const struct places_count *count,
    const char *what, FILE *f);

/**
 * places_print_json(all, count, what, f):
 * One object.
 */
void places_print_json(const struct places *all,
    const struct places_count *count, const char *what, FILE *f);

#endif /* !PLACES_H_ */
