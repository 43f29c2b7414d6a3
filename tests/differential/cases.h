#ifndef CASES_H_
#define CASES_H_

/*
 * cases - for each row of the table, requests that show it.
 *
 * Each starts with empty, unlocked agents without connections.  True: both
 * agents did what the row says, and the row's own predicate found the request.
 */

#include "differential/differences.h"

typedef bool case_fn(struct bench *b, const struct difference *d);

case_fn case_lock_malformed;
case_fn case_unlock_wait;
case_fn case_half_close;
case_fn case_foreign_ed25519;
case_fn case_foreign_ecdsa;
case_fn case_other_curve;
case_fn case_foreign_rsa;
case_fn case_flags;
case_fn case_sha1;
case_fn case_empty_destinations;
case_fn case_confirm;
case_fn case_sk_sign;
case_fn case_pkcs11;
case_fn case_unsound_destination;
case_fn case_pair_with_more;
case_fn case_query;
case_fn case_our_constraints;
case_fn case_our_extensions;
case_fn case_long_list;
case_fn case_pieces;
case_fn case_seconds;
case_fn case_expired_behind;
case_fn case_provider_missing;
case_fn case_provider_link;
case_fn case_slow_host;
case_fn case_slow_ca;
case_fn case_long_session;
case_fn case_bind_gap;
case_fn case_many_binds;
case_fn case_bind_failure;
case_fn case_bind_locked;
case_fn case_bind_forgotten;
case_fn case_long_user;
case_fn case_nobody;
case_fn case_pattern;
case_fn case_dss;
case_fn case_mldsa;

#endif /* !CASES_H_ */
