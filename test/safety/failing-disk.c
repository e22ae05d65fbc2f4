// Loaded before the C library: a call on a file whose path holds FAIL_PATH fails with FAIL_ERRNO. FAIL_CALL names its kind (write,
// sync, rename, truncate, open) and FAIL_AT which one of them it is; with FAIL_STAY all that follow fail too. FAIL_TELL is a file
// that is made once one has failed. FAIL_SHORT: writes write half of what they are given, which is no error.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int count;

static int is_watched(const char *path) {
  const char *part = getenv("FAIL_PATH");
  return part && path && strstr(path, part);
}

static int is_watched_file(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_watched(path);
}

static int fails(const char *call) {
  const char *wanted = getenv("FAIL_CALL");
  if (!wanted || strcmp(wanted, call)) return 0;
  int now = __sync_add_and_fetch(&count, 1), at = atoi(getenv("FAIL_AT"));
  if (now != at && !(now > at && getenv("FAIL_STAY"))) return 0;
  int told = syscall(SYS_openat, AT_FDCWD, getenv("FAIL_TELL"), O_CREAT | O_WRONLY, 0644);
  if (told >= 0) close(told);
  errno = atoi(getenv("FAIL_ERRNO"));
  return 1;
}

static size_t cut(size_t length) { return getenv("FAIL_SHORT") && length > 1 ? length / 2 : length; }

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define WRITE(name, parameters, arguments) \
  ssize_t name parameters { \
    REAL(name); \
    if (is_watched_file(file)) { \
      if (fails("write")) return -1; \
      length = cut(length); \
    } \
    return real arguments; \
  }
WRITE(write, (int file, const void *bytes, size_t length), (file, bytes, length))
WRITE(pwrite, (int file, const void *bytes, size_t length, off_t at), (file, bytes, length, at))
WRITE(pwrite64, (int file, const void *bytes, size_t length, off64_t at), (file, bytes, length, at))

#define ON_FILE(result, call, name, parameters, arguments) \
  result name parameters { \
    REAL(name); \
    if (is_watched_file(file) && fails(call)) return -1; \
    return real arguments; \
  }
ON_FILE(ssize_t, "write", writev, (int file, const struct iovec *parts, int many), (file, parts, many))
ON_FILE(ssize_t, "write", pwritev, (int file, const struct iovec *parts, int many, off_t at), (file, parts, many, at))
ON_FILE(int, "sync", fsync, (int file), (file))
ON_FILE(int, "sync", fdatasync, (int file), (file))
ON_FILE(int, "truncate", ftruncate, (int file, off_t length), (file, length))
ON_FILE(int, "truncate", ftruncate64, (int file, off64_t length), (file, length))

int rename(const char *from, const char *to) {
  REAL(rename);
  if ((is_watched(from) || is_watched(to)) && fails("rename")) return -1;
  return real(from, to);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    int mode = va_arg(rest, int); \
    va_end(rest); \
    if (is_watched(path) && (flags & (O_WRONLY | O_RDWR)) && fails("open")) return -1; \
    return real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
