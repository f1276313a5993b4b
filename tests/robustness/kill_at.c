/* Preloaded into the tool: ends the process, as kill -9 does, just before the N-th call (KILL_AT) that changes the file system. With
   KILL_AT=0 it counts them and writes the count to the file KILL_COUNT at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static long calls;

static void step(void) {
    const char* at = getenv("KILL_AT");
    ++calls;
    if (at != NULL && atol(at) == calls) kill(getpid(), SIGKILL);
}

__attribute__((destructor)) static void tell(void) {
    const char* name = getenv("KILL_COUNT");
    FILE* f = name != NULL ? fopen(name, "w") : NULL;
    if (f == NULL) return;
    fprintf(f, "%ld\n", calls);
    fclose(f);
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, #name))

int mkdir(const char* path, mode_t mode) {
    step();
    return NEXT(int (*)(const char*, mode_t), mkdir)(path, mode);
}
int rmdir(const char* path) {
    step();
    return NEXT(int (*)(const char*), rmdir)(path);
}
int unlink(const char* path) {
    step();
    return NEXT(int (*)(const char*), unlink)(path);
}
int link(const char* from, const char* to) {
    step();
    return NEXT(int (*)(const char*, const char*), link)(from, to);
}
int rename(const char* from, const char* to) {
    step();
    return NEXT(int (*)(const char*, const char*), rename)(from, to);
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) {
    step();
    return NEXT(int (*)(int, const char*, int, const char*, unsigned), renameat2)(a, from, b, to, flags);
}
int chmod(const char* path, mode_t mode) {
    step();
    return NEXT(int (*)(const char*, mode_t), chmod)(path, mode);
}
ssize_t write(int fd, const void* data, size_t n) {
    step();
    return NEXT(ssize_t(*)(int, const void*, size_t), write)(fd, data, n);
}
int fsync(int fd) {
    step();
    return NEXT(int (*)(int), fsync)(fd);
}
int open(const char* path, int flags, ...) {
    mode_t mode = 0;
    va_list rest;
    va_start(rest, flags);
    if ((flags & O_CREAT) != 0) mode = va_arg(rest, mode_t);
    va_end(rest);
    if ((flags & O_CREAT) != 0) step();
    return NEXT(int (*)(const char*, int, ...), open)(path, flags, mode);
}
