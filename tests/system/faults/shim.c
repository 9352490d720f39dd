/* Loaded before the program's own libraries: makes the disk slow or failing and the clock jump, as a
   block of memory that is shared with the test says. Linux with glibc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct faults {
    int64_t clock_offset_s;
    int64_t sync_delay_us;
    /* errno of writes, and of syncs, of the files below; 0 = they succeed. */
    int64_t write_errno;
    int64_t sync_errno;
    /* 1 = the database's files, 2 = the journal's, 3 = both. */
    int64_t files;
};

static struct faults none;
static volatile struct faults *faults = &none;

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS");
    int fd = path ? open(path, O_RDONLY) : -1;
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) faults = shared;
    close(fd);
}

static int concerns_path(const char *path) {
    if (strstr(path, "/journal/")) return faults->files & 2;
    if (strstr(path, "spanreel.duckdb")) return faults->files & 1;
    return 0;
}

static int concerns(int fd) {
    struct stat status;
    char link[64], path[PATH_MAX];
    if (!faults->files || fstat(fd, &status) || !S_ISREG(status.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return concerns_path(path);
}

static int fails(int fd, int64_t error) {
    if (!error || !concerns(fd)) return 0;
    errno = (int)error;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = next("write");
    return fails(fd, faults->write_errno) ? -1 : real(fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = next("pwrite64");
    return fails(fd, faults->write_errno) ? -1 : real(fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return pwrite64(fd, bytes, length, offset);
}

static int sync_with(const char *name, int fd) {
    int (*real)(int) = next(name);
    if (faults->sync_delay_us && concerns(fd)) usleep((useconds_t)faults->sync_delay_us);
    return fails(fd, faults->sync_errno) ? -1 : real(fd);
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

static int open_with(const char *name, const char *path, int flags, mode_t mode) {
    int (*real)(const char *, int, ...) = next(name);
    if (faults->write_errno && (flags & O_CREAT) && concerns_path(path)) {
        errno = (int)faults->write_errno;
        return -1;
    }
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_with("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_with("open64", path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = next("clock_gettime");
    int result = real(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        time->tv_sec += faults->clock_offset_s;
    return result;
}
