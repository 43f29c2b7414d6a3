#ifndef STEPS_H_
#define STEPS_H_

/*
 * steps - a conversation: what an input has happen, one step after the other.
 *
 * After each step the agent comes to its rest, the model to its own, and both
 * are compared.
 */

#include <stdbool.h>

/* Have an agent, as the head of the program says; whether calls may fail. */
bool steps_begin(void);

/* One step. */
void steps_play(bool troubled);

/* Everybody leaves. */
void steps_end(void);

#endif /* !STEPS_H_ */
