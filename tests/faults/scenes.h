#ifndef SCENES_H_
#define SCENES_H_

/*
 * scenes - what is asked of an agent while its calls fail, and what must hold
 * afterwards.
 */

#include <stdbool.h>

#include "support/testkeys.h"

struct scene {
	const char	*name;
	void		(*before)(void);	/* without faults */
	void		(*act)(void);
	void		(*after)(void);		/* without faults: look, and
						 * make it as it was */
	bool		 threads;		/* also where there are threads */
};

/* The last one has no name. */
extern const struct scene scenes[];

/* The keys of all scenes: those in the agent from the start, and more. */
enum { KEY_ONE, KEY_TWO, KEY_THREE, BASE, KEY_FOUR = BASE, KEY_FIVE, KEYS };
extern struct testkey *scene_keys[KEYS];

/* Make the keys, and have the stage look for their private numbers. */
void scenes_open(void);
void scenes_close(void);

/* Put the first keys into an agent that has none. */
void scenes_furnish(void);

/* Give up what a scene had, when its agent is gone. */
void scenes_drop(void);

/* One of the keys as the text of a file. */
void scenes_key_file(const char *path);

/* What is asked of an agent that has just been started; faults may come. */
void scenes_greet(void);

#endif /* !SCENES_H_ */
