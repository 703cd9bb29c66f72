/* Makes chosen system calls on chosen files fail, stop short, or end the process.
 *
 * Preloaded into Python; tests/support/faults.py arms it through ctypes in a
 * forked child. Rust's standard library and CPython call the C library, so
 * they pass through here; what rustix calls itself (fallocate, syncfs, renameat)
 * does not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static long *seen; /* shared with the process that forked us */
static int armed;
static char calls[256], under[1024];
static long first, step;
static int fails, sends, shortens;

__attribute__((constructor)) static void start(void) {
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* How many of the chosen calls there were. */
long faults_seen(void) { return *seen; }

/* Lets the first-th of the calls, and from there every step-th, fail with an errno, send
 * a signal to the process before it goes on, or move only half of the bytes. */
void faults_arm(const char *calls_, const char *under_, long first_, long step_, int fails_,
                int sends_, int shortens_) {
    snprintf(calls, sizeof calls, ",%s,", calls_);
    snprintf(under, sizeof under, "%s", under_);
    first = first_, step = step_, fails = fails_, sends = sends_, shortens = shortens_;
    *seen = 0;
    armed = 1;
}

static int chosen(const char *call, const char *path) {
    char word[64];
    snprintf(word, sizeof word, ",%s,", call);
    return armed && strstr(calls, word) && (!path || !strncmp(path, under, strlen(under)));
}

/* Counts a call and does to it what is due; returns the errno it fails with, and halves
 * *size where it is to stop short. */
static int due(const char *call, const char *path, size_t *size) {
    if (!chosen(call, path)) return 0;
    long number = __atomic_add_fetch(seen, 1, __ATOMIC_RELAXED);
    if (!first || number < first || (step ? (number - first) % step : number != first)) return 0;
    if (sends) kill(getpid(), sends);
    if (shortens && size && *size > 1) *size /= 2;
    return fails;
}

static int due_on(const char *call, int fd, size_t *size) {
    char link[64], path[1024];
    if (!armed) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int saved = errno;
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    path[length < 0 ? 0 : length] = 0;
    return due(call, path, size);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_FD(type, name, parameters, size, arguments)   \
    type name parameters {                               \
        int error = due_on(#name, fd, size);             \
        if (error) return errno = error, -1;             \
        return REAL(name) arguments;                     \
    }
#define ON_PATH(name, parameters, path, arguments)       \
    int name parameters {                                \
        int error = due(#name, path, NULL);              \
        if (error) return errno = error, -1;             \
        return REAL(name) arguments;                     \
    }

ON_FD(ssize_t, read, (int fd, void *data, size_t size), &size, (fd, data, size))
ON_FD(ssize_t, write, (int fd, const void *data, size_t size), &size, (fd, data, size))
ON_FD(ssize_t, pread64, (int fd, void *data, size_t size, off64_t at), &size, (fd, data, size, at))
ON_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), &size,
      (fd, data, size, at))
ON_FD(int, fsync, (int fd), NULL, (fd))
ON_FD(int, ftruncate64, (int fd, off64_t size), NULL, (fd, size))
ON_PATH(rename, (const char *from, const char *to), to, (from, to))
ON_PATH(link, (const char *from, const char *to), to, (from, to))
ON_PATH(unlink, (const char *path), path, (path))

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *argument) {
    int error = due("pthread_create", NULL, NULL);
    return error ? error : REAL(pthread_create)(thread, attributes, body, argument);
}
