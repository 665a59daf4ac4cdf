/* Faults from below: a shared object that is loaded before libc (LD_PRELOAD), and stands between one program and its files.
 *
 * Why so: what has to be tried is a death, or a full disk, at every change that the coordinator makes on the disk. Points at
 * which it fails by request would have to stand in the program that is shipped, would cover those that somebody thought of, and
 * none within SQLite. Here all of them are met, by their numbers, in the very program that users run. strace can inject the same,
 * but is not everywhere, and costs every system call.
 *
 * Everything is asked for by environment variables, and concerns the processes with one name and the files in one folder.
 *
 *   SHIM_PROCESS   name of the program: another one that inherits the variables is left alone
 *   SHIM_FOLDER    absolute path of the folder, without links in it
 *   SHIM_LOG       file that gets a line for each change: number, function, path
 *   SHIM_KILL      the process kills itself at the change with this number, counted from 1 ...
 *   SHIM_WHEN      ... `before` it or `after` it ...
 *   SHIM_SIGNAL    ... by this signal rather than SIGKILL (19: it stops there) ...
 *   SHIM_KILLED    ... and makes this file; where it is there already, no process is killed
 *   SHIM_FULL      from the change with this number on, whatever needs room on the disk fails with ENOSPC
 *   SHIM_CLOCK     file with the seconds by which the time of day is shifted, read at each look at the clock
 *
 * System calls are made directly: there is nothing to look up, and nothing that could call itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *folder, *log_file, *killed_file, *clock_file;
static long kill_at, full_from, changes;
static int kills_after, kill_signal = SIGKILL;

static long number(const char *variable) {
    const char *text = getenv(variable);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void read_variables(void) {
    const char *name = getenv("SHIM_PROCESS"), *when = getenv("SHIM_WHEN");
    if (!name || strcmp(name, program_invocation_short_name)) return;
    folder = getenv("SHIM_FOLDER");
    log_file = getenv("SHIM_LOG");
    killed_file = getenv("SHIM_KILLED");
    clock_file = getenv("SHIM_CLOCK");
    kill_at = number("SHIM_KILL");
    if (getenv("SHIM_SIGNAL")) kill_signal = number("SHIM_SIGNAL");
    full_from = number("SHIM_FULL");
    kills_after = when && !strcmp(when, "after");
}

/* ---- which file ---- */

typedef char Path[2 * PATH_MAX];

static const char *of_descriptor(int descriptor, Path path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

static const char *of_name(int directory, const char *name, Path path) {
    if (name[0] == '/') return name;
    if (directory != AT_FDCWD) of_descriptor(directory, path);
    else if (syscall(SYS_getcwd, path, PATH_MAX) < 0) path[0] = 0;
    size_t length = strlen(path);
    snprintf(path + length, sizeof(Path) - length, "/%s", name);
    return path;
}

static int concerns(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* ---- a change ---- */

static void write_log(long change, const char *function, const char *path) {
    Path line;
    int length = snprintf(line, sizeof line, "%ld %s %s\n", change, function, path);
    int file = syscall(SYS_openat, AT_FDCWD, log_file, O_WRONLY | O_CREAT | O_APPEND, 0644);
    syscall(SYS_write, file, line, length);
    syscall(SYS_close, file);
}

static void die(void) {
    if (killed_file && syscall(SYS_openat, AT_FDCWD, killed_file, O_WRONLY | O_CREAT | O_EXCL, 0644) < 0) return;
    syscall(SYS_kill, syscall(SYS_getpid), kill_signal);
}

/* The number of the change that begins; 0 where the file is none of ours. */
static long begin(const char *function, const char *path) {
    if (!concerns(path)) return 0;
    long change = __sync_add_and_fetch(&changes, 1);
    if (log_file) write_log(change, function, path);
    if (change == kill_at && !kills_after) die();
    return change;
}

static long end(long change, long result) {
    int error = errno;
    if (change && change == kill_at && kills_after) die();
    errno = error;
    return result;
}

static int no_room(long change) { return change && full_from && change >= full_from; }

static long refuse(void) {
    errno = ENOSPC;
    return -1;
}

/* What needs no room is done on a full disk too. */
#define NEEDS_NO_ROOM(PATH, ...)                     \
    Path buffer;                                     \
    long change = begin(__func__, PATH);             \
    return end(change, syscall(__VA_ARGS__))

#define NEEDS_ROOM(PATH, ...)                        \
    Path buffer;                                     \
    long change = begin(__func__, PATH);             \
    return end(change, no_room(change) ? refuse() : syscall(__VA_ARGS__))

#define FILE_OF(DESCRIPTOR) of_descriptor(DESCRIPTOR, buffer)
#define NAMED(DIRECTORY, NAME) of_name(DIRECTORY, NAME, buffer)

/* ---- what changes the disk ---- */

int fsync(int fd) { NEEDS_ROOM(FILE_OF(fd), SYS_fsync, fd); }
int fdatasync(int fd) { NEEDS_ROOM(FILE_OF(fd), SYS_fdatasync, fd); }
int ftruncate(int fd, off_t size) { NEEDS_ROOM(FILE_OF(fd), SYS_ftruncate, fd, size); }
int ftruncate64(int fd, off_t size) { NEEDS_ROOM(FILE_OF(fd), SYS_ftruncate, fd, size); }

ssize_t write(int fd, const void *data, size_t size) { NEEDS_ROOM(FILE_OF(fd), SYS_write, fd, data, size); }
ssize_t writev(int fd, const struct iovec *parts, int count) { NEEDS_ROOM(FILE_OF(fd), SYS_writev, fd, parts, count); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    NEEDS_ROOM(FILE_OF(fd), SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    NEEDS_ROOM(FILE_OF(fd), SYS_pwrite64, fd, data, size, at);
}
ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t size, unsigned flags) {
    NEEDS_ROOM(FILE_OF(out), SYS_copy_file_range, in, from, out, to, size, flags);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    NEEDS_ROOM(NAMED(to, new), SYS_renameat2, from, old, to, new, flags);
}
int rename(const char *old, const char *new) {
    NEEDS_ROOM(NAMED(AT_FDCWD, new), SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
}
int renameat(int from, const char *old, int to, const char *new) {
    NEEDS_ROOM(NAMED(to, new), SYS_renameat2, from, old, to, new, 0);
}
int link(const char *old, const char *new) {
    NEEDS_ROOM(NAMED(AT_FDCWD, new), SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0);
}
int linkat(int from, const char *old, int to, const char *new, int flags) {
    NEEDS_ROOM(NAMED(to, new), SYS_linkat, from, old, to, new, flags);
}
int mkdir(const char *name, mode_t mode) { NEEDS_ROOM(NAMED(AT_FDCWD, name), SYS_mkdirat, AT_FDCWD, name, mode); }
int mkdirat(int at, const char *name, mode_t mode) { NEEDS_ROOM(NAMED(at, name), SYS_mkdirat, at, name, mode); }

int unlink(const char *name) { NEEDS_NO_ROOM(NAMED(AT_FDCWD, name), SYS_unlinkat, AT_FDCWD, name, 0); }
int unlinkat(int at, const char *name, int flags) { NEEDS_NO_ROOM(NAMED(at, name), SYS_unlinkat, at, name, flags); }
int rmdir(const char *name) { NEEDS_NO_ROOM(NAMED(AT_FDCWD, name), SYS_unlinkat, AT_FDCWD, name, AT_REMOVEDIR); }

/* To open a file changes the disk where it makes the file or empties it. */
static int open_file(int at, const char *name, int flags, mode_t mode) {
    if (!(flags & (O_CREAT | O_TRUNC))) return syscall(SYS_openat, at, name, flags, mode);
    NEEDS_ROOM(NAMED(at, name), SYS_openat, at, name, flags, mode);
}

#define OPEN(AT, NAME)                                                           \
    va_list rest;                                                                \
    va_start(rest, flags);                                                       \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;      \
    va_end(rest);                                                                \
    return open_file(AT, NAME, flags, mode)

int open(const char *name, int flags, ...) { OPEN(AT_FDCWD, name); }
int open64(const char *name, int flags, ...) { OPEN(AT_FDCWD, name); }
int openat(int at, const char *name, int flags, ...) { OPEN(at, name); }
int openat64(int at, const char *name, int flags, ...) { OPEN(at, name); }

/* ---- the time of day ---- */

static long shift(void) {
    char text[32] = "";
    if (!clock_file) return 0;
    int file = syscall(SYS_openat, AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) return 0;
    syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
