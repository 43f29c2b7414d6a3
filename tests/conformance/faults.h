#ifndef FAULTS_H_
#define FAULTS_H_

/*
 * faults - mistakes of an agent, coarser than those of lies.h, so that each
 * requirement is seen to fail by one of them.
 */

#include "differential/lies.h"

extern const struct lie faults[];
extern const size_t n_faults;

#endif /* !FAULTS_H_ */
