#ifndef VERSION_H_
#define VERSION_H_

/* version - which OpenSSH an ssh-agent is of: 902, 1005.  It says so itself
 * since 10.4; before, the ssh beside it does.  Ends the program if neither
 * does. */
unsigned version_of(const char *agent);

#endif /* !VERSION_H_ */
