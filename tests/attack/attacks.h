#ifndef ATTACKS_H_
#define ATTACKS_H_

/*
 * attacks - each one a function that returns what trial_end() says.
 *
 * Layer:   tests.
 *
 * An attack that goes on for a while prints "ready" when it presses, so that
 * others can look how the agent does meanwhile.
 */

/* Say that the pressure is on. */
void attack_ready(void);

/* Become a uid and gid without groups, for good; only root can. */
void attack_become(unsigned id);

/* attack_requests.c: changes, and what is not for peers. */
int attack_wipe(int argc, char **argv);
int attack_lock(int argc, char **argv);
int attack_unlock(int argc, char **argv);
int attack_add(int argc, char **argv);
int attack_remove(int argc, char **argv);
int attack_pkcs11(int argc, char **argv);
int attack_provider(int argc, char **argv);
int attack_admin(int argc, char **argv);
int attack_numbers(int argc, char **argv);
int attack_inject(int argc, char **argv);

/* attack_sign.c: signatures that are not to be made, binds. */
int attack_sign(int argc, char **argv);
int attack_bind_forged(int argc, char **argv);
int attack_bind_truncated(int argc, char **argv);
int attack_bind_many(int argc, char **argv);

/* attack_flood.c: much, often, slowly. */
int attack_half_frames(int argc, char **argv);
int attack_unread(int argc, char **argv);
int attack_greedy(int argc, char **argv);
int attack_connections(int argc, char **argv);
int attack_giant(int argc, char **argv);
int attack_lists(int argc, char **argv);
int attack_costly_binds(int argc, char **argv);
int attack_leave_behind(int argc, char **argv);
int attack_exits(int argc, char **argv);
int attack_fill(int argc, char **argv);
int attack_burst(int argc, char **argv);
int attack_mixed(int argc, char **argv);

/* attack_pass.c: descriptors and who they are of. */
int attack_storm(int argc, char **argv);
int attack_linger(int argc, char **argv);
int attack_linger_storm(int argc, char **argv);
int attack_passed(int argc, char **argv);
int attack_claim(int argc, char **argv);
int attack_own_root(int argc, char **argv);
int attack_pid_reuse(int argc, char **argv);
int attack_lock_of_root(int argc, char **argv);

/* attack_system.c: the process and its files. */
int attack_process(int argc, char **argv);
int attack_proc(int argc, char **argv);
int attack_place(int argc, char **argv);

#endif /* !ATTACKS_H_ */
