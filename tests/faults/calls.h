/*
 * calls - every call that can be made to fail, one on a line.  No guard: it is
 * included where CALL() and HAND() mean something; CMake reads the names, too.
 *
 * CALL(group, type, name, parameters, arguments, what it returns when it
 *	fails, errnos...): the linker sends it to a function that is made of
 *	this line.  The first errno is what fails in short walks; 0: it has
 *	none.
 * HAND(group, name, errnos...): the function is written out in fault.c.
 *	SHORT is no errno: less is done than was asked for.
 *
 * Errnos are those that the kernel can give a program that is right: a
 * descriptor of ours is never told to be bad.
 */

/* libc's allocator, where our own code calls it. */
HAND(MEMORY, malloc, ENOMEM)
HAND(MEMORY, calloc, ENOMEM)
HAND(MEMORY, realloc, ENOMEM)
HAND(MEMORY, reallocarray, ENOMEM)
HAND(MEMORY, strdup, ENOMEM)
CALL(MEMORY, FILE *, open_memstream, (char **p, size_t *n), (p, n), NULL, ENOMEM)
/* The same where libcrypto calls it, outside of operations on keys. */
HAND(LIBCRYPTO, libcrypto_malloc, ENOMEM)

/* Pieces of the vault: ours, and what libcrypto takes in an operation. */
CALL(VAULT, void *, secret_alloc, (struct secret *s, size_t n), (s, n), NULL, 0)
CALL(VAULT, void *, secret_alloc_low, (struct secret *s, size_t n, bool strict, size_t *room), (s, n, strict, room), NULL, 0)

/* Address space. */
CALL(SYSTEM, void *, mmap, (void *at, size_t n, int prot, int flags, int fd, off_t off), (at, n, prot, flags, fd, off), MAP_FAILED, ENOMEM)
CALL(SYSTEM, int, mprotect, (void *at, size_t n, int prot), (at, n, prot), -1, ENOMEM)
CALL(SYSTEM, int, madvise, (void *at, size_t n, int what), (at, n, what), -1, EINVAL)
/* memfd_secret, mlock, close_range, capset, capget, getdents64. */
HAND(SYSTEM, syscall, EPERM, ENOSYS, ENOMEM)

/* Sockets. */
CALL(SYSTEM, int, socket, (int d, int type, int proto), (d, type, proto), -1, EMFILE, ENOMEM)
CALL(SYSTEM, int, socketpair, (int d, int type, int proto, int *fds), (d, type, proto, fds), -1, EMFILE)
CALL(SYSTEM, int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, EACCES, EADDRINUSE, ENOSPC)
CALL(SYSTEM, int, listen, (int fd, int n), (fd, n), -1, EADDRINUSE)
CALL(SYSTEM, int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, ECONNREFUSED, EAGAIN, EACCES)
CALL(SYSTEM, int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags), -1, EMFILE, ECONNABORTED, ENOBUFS)
CALL(SYSTEM, int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1, ENOBUFS)
CALL(SYSTEM, int, getsockopt, (int fd, int l, int o, void *p, socklen_t *n), (fd, l, o, p, n), -1, ENOMEM)
CALL(SYSTEM, int, setsockopt, (int fd, int l, int o, const void *p, socklen_t n), (fd, l, o, p, n), -1, ENOMEM)
HAND(SYSTEM, recv, ECONNRESET, EINTR, SHORT)
CALL(SYSTEM, ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1, ECONNRESET, EINTR, ENOMEM)
HAND(SYSTEM, send, EPIPE, EINTR, ENOBUFS, SHORT)

/* Descriptors and the loop. */
CALL(SYSTEM, int, epoll_create1, (int flags), (flags), -1, EMFILE, ENOMEM)
HAND(SYSTEM, epoll_ctl, ENOSPC, ENOMEM)
HAND(SYSTEM, epoll_pwait, EINTR)
HAND(SYSTEM, eventfd, EMFILE, ENOMEM)
CALL(SYSTEM, int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE, ENOMEM)
CALL(SYSTEM, int, timerfd_settime, (int fd, int flags, const struct itimerspec *at, struct itimerspec *was), (fd, flags, at, was), -1, EPERM)
CALL(SYSTEM, int, timer_create, (clockid_t clock, struct sigevent *ev, timer_t *id), (clock, ev, id), -1, EAGAIN, ENOMEM)
CALL(SYSTEM, int, timer_settime, (timer_t id, int flags, const struct itimerspec *at, struct itimerspec *was), (id, flags, at, was), -1, EPERM)
CALL(SYSTEM, int, sigaltstack, (const stack_t *s, stack_t *was), (s, was), -1, EPERM)
CALL(SYSTEM, int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1, EMFILE, ENOMEM)
CALL(SYSTEM, int, pipe2, (int *fds, int flags), (fds, flags), -1, EMFILE)
CALL(SYSTEM, int, dup2, (int from, int to), (from, to), -1, EMFILE)
HAND(SYSTEM, fcntl, EPERM)
CALL(SYSTEM, int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1, EINTR, ENOMEM)
CALL(SYSTEM, int, ppoll, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *s), (p, n, t, s), -1, EINTR, ENOMEM)
HAND(SYSTEM, read, EIO, EINTR, SHORT)
HAND(SYSTEM, write, ENOSPC, EINTR, SHORT)
HAND(SYSTEM, close, EIO)

/* Files. */
HAND(SYSTEM, open, EACCES, EMFILE, ENOENT)
CALL(SYSTEM, FILE *, fopen, (const char *path, const char *how), (path, how), NULL, EMFILE, EACCES)
CALL(SYSTEM, DIR *, opendir, (const char *path), (path), NULL, EMFILE, EACCES)
CALL(SYSTEM, int, fflush, (FILE *f), (f), EOF, ENOSPC)
HAND(SYSTEM, fclose, ENOSPC)
CALL(SYSTEM, int, fstat, (int fd, struct stat *sb), (fd, sb), -1, ENOMEM)
CALL(SYSTEM, int, stat, (const char *path, struct stat *sb), (path, sb), -1, EACCES, ENOENT)
CALL(SYSTEM, int, lstat, (const char *path, struct stat *sb), (path, sb), -1, EACCES, ENOENT)
CALL(SYSTEM, int, fstatat, (int fd, const char *path, struct stat *sb, int flags), (fd, path, sb, flags), -1, EACCES, ENOENT)
CALL(SYSTEM, off_t, lseek, (int fd, off_t off, int whence), (fd, off, whence), -1, ESPIPE)
CALL(SYSTEM, int, ftruncate, (int fd, off_t n), (fd, n), -1, EIO)
CALL(SYSTEM, int, flock, (int fd, int how), (fd, how), -1, EWOULDBLOCK, ENOLCK)
CALL(SYSTEM, int, chmod, (const char *path, mode_t mode), (path, mode), -1, EPERM, EROFS)
CALL(SYSTEM, int, chdir, (const char *path), (path), -1, EACCES)
CALL(SYSTEM, int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC, EACCES)
CALL(SYSTEM, int, rmdir, (const char *path), (path), -1, EBUSY)
CALL(SYSTEM, int, unlink, (const char *path), (path), -1, EROFS)
CALL(SYSTEM, int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), -1, EROFS)
CALL(SYSTEM, char *, realpath, (const char *path, char *out), (path, out), NULL, EACCES, ENOENT)
CALL(SYSTEM, int, fgetpwent_r, (FILE *f, struct passwd *e, char *buf, size_t n, struct passwd **out), (f, e, buf, n, out), err, EIO)
CALL(SYSTEM, int, fgetgrent_r, (FILE *f, struct group *e, char *buf, size_t n, struct group **out), (f, e, buf, n, out), err, EIO)

/* The process. */
CALL(SYSTEM, pid_t, fork, (void), (), -1, EAGAIN, ENOMEM)
CALL(SYSTEM, int, execvp, (const char *path, char *const *argv), (path, argv), -1, ENOENT, ENOMEM)
CALL(SYSTEM, int, posix_spawnp, (pid_t *pid, const char *path, const posix_spawn_file_actions_t *a, const posix_spawnattr_t *at, char *const *argv, char *const *env), (pid, path, a, at, argv, env), err, EAGAIN, ENOENT)
CALL(SYSTEM, int, posix_spawn_file_actions_init, (posix_spawn_file_actions_t *a), (a), err, ENOMEM)
CALL(SYSTEM, int, posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t *a, int from, int to), (a, from, to), err, ENOMEM)
CALL(SYSTEM, int, posix_spawnattr_init, (posix_spawnattr_t *a), (a), err, ENOMEM)
CALL(SYSTEM, int, kill, (pid_t pid, int signo), (pid, signo), -1, EPERM, ESRCH)
CALL(SYSTEM, pid_t, setsid, (void), (), -1, EPERM)
CALL(SYSTEM, int, getrlimit, (unsigned what, struct rlimit *rl), (what, rl), -1, EPERM)
CALL(SYSTEM, int, setrlimit, (unsigned what, const struct rlimit *rl), (what, rl), -1, EPERM)
CALL(SYSTEM, int, nice, (int more), (more), -1, EPERM)
CALL(SYSTEM, int, setenv, (const char *name, const char *to, int over), (name, to, over), -1, ENOMEM)
CALL(SYSTEM, int, uname, (struct utsname *u), (u), -1, EPERM)
CALL(SYSTEM, int, gethostname, (char *p, size_t n), (p, n), -1, ENAMETOOLONG)
CALL(SYSTEM, int, sched_getaffinity, (pid_t pid, size_t n, cpu_set_t *set), (pid, n, set), -1, EPERM)
CALL(SYSTEM, long, sysconf, (int what), (what), -1, EINVAL)
CALL(SYSTEM, ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags), -1, ENOSYS, EINTR)
HAND(SYSTEM, prctl, EPERM, EINVAL)

/* Threads. */
CALL(SYSTEM, int, pthread_attr_init, (pthread_attr_t *a), (a), err, ENOMEM)
CALL(SYSTEM, int, pthread_create, (pthread_t *id, const pthread_attr_t *a, void *(*fn)(void *), void *arg), (id, a, fn, arg), err, EAGAIN, EPERM)
CALL(SYSTEM, int, pthread_rwlockattr_init, (pthread_rwlockattr_t *a), (a), err, ENOMEM)
CALL(SYSTEM, int, pthread_rwlock_init, (pthread_rwlock_t *l, const pthread_rwlockattr_t *a), (l, a), err, ENOMEM)

/* libcrypto. */
HAND(CRYPTO, CRYPTO_set_mem_functions, 0)
CALL(CRYPTO, int, OPENSSL_init_crypto, (uint64_t opts, const OPENSSL_INIT_SETTINGS *s), (opts, s), 0, 0)
CALL(CRYPTO, int, RAND_bytes, (unsigned char *p, int n), (p, n), 0, 0)
CALL(CRYPTO, int, RAND_priv_bytes, (unsigned char *p, int n), (p, n), 0, 0)
CALL(CRYPTO, BN_CTX *, BN_CTX_new, (void), (), NULL, 0)
CALL(CRYPTO, BIGNUM *, BN_new, (void), (), NULL, 0)
CALL(CRYPTO, BIGNUM *, BN_dup, (const BIGNUM *n), (n), NULL, 0)
CALL(CRYPTO, BIGNUM *, BN_bin2bn, (const unsigned char *p, int n, BIGNUM *out), (p, n, out), NULL, 0)
CALL(CRYPTO, int, BN_bn2nativepad, (const BIGNUM *n, unsigned char *to, int len), (n, to, len), -1, 0)
CALL(CRYPTO, int, BN_div, (BIGNUM *q, BIGNUM *r, const BIGNUM *n, const BIGNUM *d, BN_CTX *c), (q, r, n, d, c), 0, 0)
CALL(CRYPTO, int, BN_mul, (BIGNUM *r, const BIGNUM *a, const BIGNUM *b, BN_CTX *c), (r, a, b, c), 0, 0)
CALL(CRYPTO, int, BN_mod_mul, (BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *c), (r, a, b, m, c), 0, 0)
CALL(CRYPTO, int, BN_sub_word, (BIGNUM *n, BN_ULONG w), (n, w), 0, 0)
CALL(CRYPTO, ECDSA_SIG *, ECDSA_SIG_new, (void), (), NULL, 0)
CALL(CRYPTO, int, ECDSA_SIG_set0, (ECDSA_SIG *s, BIGNUM *r, BIGNUM *t), (s, r, t), 0, 0)
CALL(CRYPTO, int, i2d_ECDSA_SIG, (const ECDSA_SIG *s, unsigned char **to), (s, to), -1, 0)
CALL(CRYPTO, EC_GROUP *, EC_GROUP_new_by_curve_name, (int nid), (nid), NULL, 0)
CALL(CRYPTO, EC_POINT *, EC_POINT_new, (const EC_GROUP *g), (g), NULL, 0)
CALL(CRYPTO, int, EC_POINT_mul, (const EC_GROUP *g, EC_POINT *r, const BIGNUM *n, const EC_POINT *q, const BIGNUM *m, BN_CTX *c), (g, r, n, q, m, c), 0, 0)
CALL(CRYPTO, size_t, EC_POINT_point2oct, (const EC_GROUP *g, const EC_POINT *p, point_conversion_form_t f, unsigned char *to, size_t n, BN_CTX *c), (g, p, f, to, n, c), 0, 0)
CALL(CRYPTO, EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX *l, const char *name, const char *q), (l, name, q), NULL, 0)
CALL(CRYPTO, EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, 0)
CALL(CRYPTO, int, EVP_Q_digest, (OSSL_LIB_CTX *l, const char *name, const char *q, const void *p, size_t n, unsigned char *md, size_t *mdlen), (l, name, q, p, n, md, mdlen), 0, 0)
CALL(CRYPTO, int, EVP_DigestInit_ex2, (EVP_MD_CTX *c, const EVP_MD *md, const OSSL_PARAM *p), (c, md, p), 0, 0)
CALL(CRYPTO, int, EVP_DigestUpdate, (EVP_MD_CTX *c, const void *p, size_t n), (c, p, n), 0, 0)
CALL(CRYPTO, int, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *md, unsigned *n), (c, md, n), 0, 0)
CALL(CRYPTO, int, EVP_DigestVerifyInit_ex, (EVP_MD_CTX *c, EVP_PKEY_CTX **pc, const char *md, OSSL_LIB_CTX *l, const char *q, EVP_PKEY *k, const OSSL_PARAM *p), (c, pc, md, l, q, k, p), 0, 0)
CALL(CRYPTO, int, EVP_DigestVerify, (EVP_MD_CTX *c, const unsigned char *s, size_t n, const unsigned char *p, size_t len), (c, s, n, p, len), 0, 0)
CALL(CRYPTO, EVP_KEYMGMT *, EVP_KEYMGMT_fetch, (OSSL_LIB_CTX *l, const char *name, const char *q), (l, name, q), NULL, 0)
CALL(CRYPTO, EVP_SIGNATURE *, EVP_SIGNATURE_fetch, (OSSL_LIB_CTX *l, const char *name, const char *q), (l, name, q), NULL, 0)
CALL(CRYPTO, EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX *l, const char *name, const char *q), (l, name, q), NULL, 0)
CALL(CRYPTO, EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX *l, EVP_PKEY *k, const char *q), (l, k, q), NULL, 0)
CALL(CRYPTO, int, EVP_PKEY_CTX_set_rsa_padding, (EVP_PKEY_CTX *c, int pad), (c, pad), 0, 0)
CALL(CRYPTO, int, EVP_PKEY_CTX_set_signature_md, (EVP_PKEY_CTX *c, const EVP_MD *md), (c, md), 0, 0)
CALL(CRYPTO, int, EVP_PKEY_fromdata_init, (EVP_PKEY_CTX *c), (c), 0, 0)
CALL(CRYPTO, int, EVP_PKEY_fromdata, (EVP_PKEY_CTX *c, EVP_PKEY **k, int sel, OSSL_PARAM *p), (c, k, sel, p), 0, 0)
CALL(CRYPTO, int, EVP_PKEY_sign_init, (EVP_PKEY_CTX *c), (c), 0, 0)
CALL(CRYPTO, int, EVP_PKEY_sign, (EVP_PKEY_CTX *c, unsigned char *s, size_t *n, const unsigned char *p, size_t len), (c, s, n, p, len), 0, 0)
CALL(CRYPTO, OSSL_PARAM_BLD *, OSSL_PARAM_BLD_new, (void), (), NULL, 0)
CALL(CRYPTO, int, OSSL_PARAM_BLD_push_BN, (OSSL_PARAM_BLD *b, const char *key, const BIGNUM *n), (b, key, n), 0, 0)
CALL(CRYPTO, int, OSSL_PARAM_BLD_push_octet_string, (OSSL_PARAM_BLD *b, const char *key, const void *p, size_t n), (b, key, p, n), 0, 0)
CALL(CRYPTO, int, OSSL_PARAM_BLD_push_utf8_string, (OSSL_PARAM_BLD *b, const char *key, const char *s, size_t n), (b, key, s, n), 0, 0)
CALL(CRYPTO, OSSL_PARAM *, OSSL_PARAM_BLD_to_param, (OSSL_PARAM_BLD *b), (b), NULL, 0)
CALL(CRYPTO, int, PKCS5_PBKDF2_HMAC, (const char *pw, int len, const unsigned char *salt, int saltlen, int n, const EVP_MD *md, int keylen, unsigned char *to), (pw, len, salt, saltlen, n, md, keylen, to), 0, 0)

/* libsodium: what can fail there.  Hashing, signing and making keys cannot. */
CALL(CRYPTO, int, sodium_init, (void), (), -1, 0)
CALL(CRYPTO, int, crypto_box_seal, (unsigned char *c, const unsigned char *m, unsigned long long n, const unsigned char *pk), (c, m, n, pk), -1, 0)
CALL(CRYPTO, int, crypto_box_seal_open, (unsigned char *m, const unsigned char *c, unsigned long long n, const unsigned char *pk, const unsigned char *sk), (m, c, n, pk, sk), -1, 0)
CALL(CRYPTO, int, crypto_sign_verify_detached, (const unsigned char *s, const unsigned char *m, unsigned long long n, const unsigned char *pk), (s, m, n, pk), -1, 0)
CALL(CRYPTO, int, crypto_secretstream_xchacha20poly1305_init_push, (crypto_secretstream_xchacha20poly1305_state *st, unsigned char *head, const unsigned char *k), (st, head, k), -1, 0)
CALL(CRYPTO, int, crypto_secretstream_xchacha20poly1305_push, (crypto_secretstream_xchacha20poly1305_state *st, unsigned char *c, unsigned long long *n, const unsigned char *m, unsigned long long len, const unsigned char *ad, unsigned long long adlen, unsigned char tag), (st, c, n, m, len, ad, adlen, tag), -1, 0)
CALL(CRYPTO, int, crypto_secretstream_xchacha20poly1305_init_pull, (crypto_secretstream_xchacha20poly1305_state *st, const unsigned char *head, const unsigned char *k), (st, head, k), -1, 0)
CALL(CRYPTO, int, crypto_secretstream_xchacha20poly1305_pull, (crypto_secretstream_xchacha20poly1305_state *st, unsigned char *m, unsigned long long *n, unsigned char *tag, const unsigned char *c, unsigned long long len, const unsigned char *ad, unsigned long long adlen), (st, m, n, tag, c, len, ad, adlen), -1, 0)
