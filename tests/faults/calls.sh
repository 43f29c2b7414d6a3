#!/bin/sh
# Whatever our objects call outside of themselves can be made to fail, by
# calls.h, or is here, among what cannot fail or whose failure is nobody's
# business: so that a new call is not forgotten.
# usage: calls.sh CALLS_H ARCHIVE ...
set -eu
export LC_ALL=C
calls=$1
shift

# Memory, text and numbers; what only asks what the process knows; what always
# works on what we give it.
harmless='
abort explicit_bzero free malloc_trim malloc_usable_size memchr memcmp memcpy memmem memmove
memset snprintf strcasecmp strchr strcmp strcspn strerror strerrordesc_np
strftime strlen strncasecmp strncmp strnlen strrchr strspn toupper vsnprintf
bcmp stpcpy

__assert_fail __cpu_model __ctype_toupper_loc __errno_location __sched_cpucount
__tls_get_addr environ getopt_long optarg opterr optind optopt
program_invocation_short_name stdin stdout stderr _GLOBAL_OFFSET_TABLE_

clock_gettime time tzset gmtime_r localtime_r getenv geteuid getuid getpid
getppid getsid getresuid personality umask sched_getcpu isatty dirfd closedir
readdir rewind ferror raise _exit signal getrusage timer_delete
__libc_current_sigrtmin

munmap pthread_attr_destroy pthread_attr_setstacksize pthread_cond_broadcast
pthread_cond_destroy pthread_cond_init pthread_cond_signal
pthread_cond_timedwait pthread_cond_wait pthread_condattr_destroy
pthread_condattr_init pthread_condattr_setclock pthread_join
pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock
pthread_mutex_unlock pthread_rwlock_destroy pthread_rwlock_rdlock
pthread_rwlock_unlock pthread_rwlock_wrlock pthread_rwlockattr_destroy
pthread_rwlockattr_setkind_np pthread_sigmask posix_spawn_file_actions_destroy
posix_spawnattr_destroy posix_spawnattr_setflags posix_spawnattr_setpgroup
posix_spawnattr_setsigmask sigaction sigaddset sigdelset sigemptyset sigfillset
sigismember sigprocmask waitpid sem_init sem_post sem_wait

fprintf fputc fputs fwrite printf putchar puts putc tcflush
tcgetattr tcsetattr

BN_CTX_free BN_clear_free BN_cmp BN_free BN_is_odd BN_is_one BN_is_zero
BN_num_bits BN_set_flags CRYPTO_free ECDSA_SIG_free EC_GROUP_free
EC_GROUP_get0_order EC_POINT_clear_free ERR_clear_error ERR_get_error ERR_new
ERR_set_debug ERR_set_error ERR_set_error_data EVP_KEYMGMT_free EVP_MD_CTX_free EVP_MD_free
EVP_PKEY_CTX_free EVP_PKEY_free EVP_SIGNATURE_free EVP_sha512
OSSL_PARAM_BLD_free OSSL_PARAM_construct_BN OSSL_PARAM_construct_end
OSSL_PARAM_construct_octet_string OSSL_PARAM_construct_uint64
OSSL_PARAM_construct_utf8_string OSSL_PARAM_free

crypto_box_keypair crypto_hash_sha256 crypto_hash_sha512
crypto_secretstream_xchacha20poly1305_keygen crypto_sign_detached
crypto_shorthash crypto_sign_seed_keypair randombytes_buf randombytes_uniform sodium_memcmp
'
# It takes any number of arguments, and cannot be handed on; used once, to warm
# libcrypto up.
harmless="$harmless EVP_PKEY_Q_keygen "

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
nm --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u >"$tmp/ours"
nm -u "$@" | awk '$1 == "U" { print $2 }' | sort -u >"$tmp/all"
comm -23 "$tmp/all" "$tmp/ours" |
    grep -vE '^__(asan|ubsan|sanitizer|tsan|gcov|stack_chk|start_|stop_)' \
    >"$tmp/called" || true
sed -nE -e 's/^HAND\([A-Z]+, ([A-Za-z0-9_]+).*/\1/p' \
    -e 's/^CALL\([A-Z]+, [^,]+, ([A-Za-z0-9_]+).*/\1/p' "$calls" |
    sort -u >"$tmp/fail"
printf '%s' "$harmless" | tr -s ' \n' '\n' | sort -u >"$tmp/harmless"

n=$(comm -12 "$tmp/called" "$tmp/fail" | wc -l)
[ "$n" -gt 80 ] || { echo "only $n calls of calls.h are made" >&2; exit 1; }
missing=$(comm -23 "$tmp/called" "$tmp/fail" | comm -23 - "$tmp/harmless")
[ -z "$missing" ] || {
	echo "called, and neither in $calls nor known to be harmless:" >&2
	echo "$missing" >&2
	exit 1
}
unused=$(comm -13 "$tmp/all" "$tmp/fail" | grep -vx libcrypto_malloc || true)
[ -z "$unused" ] || {
	echo "in $calls, and never called:" >&2
	echo "$unused" >&2
	exit 1
}
