/* Preloaded into the program: a filesystem that lets a file be opened with O_DIRECT and then refuses each such read
   or write, as some network and FUSE filesystems do. Only files under the folder in REFUSE_DIRECT are affected. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int refused(int fd) {
  const char *folder = getenv("REFUSE_DIRECT");
  char link[64], path[4096];
  int flags = fcntl(fd, F_GETFL);
  ssize_t length;
  if (folder == NULL || flags < 0 || (flags & O_DIRECT) == 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  if (strncmp(path, folder, strlen(folder)) != 0) return 0;
  errno = EINVAL;
  return 1;
}

#define WRAP(name, parameters, arguments)                          \
  ssize_t name parameters {                                        \
    static ssize_t(*real) parameters;                              \
    if (refused(fd)) return -1;                                    \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name);   \
    return real arguments;                                         \
  }

WRAP(read, (int fd, void *to, size_t n), (fd, to, n))
WRAP(write, (int fd, const void *from, size_t n), (fd, from, n))
WRAP(pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
WRAP(pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
WRAP(pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
WRAP(pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
WRAP(readv, (int fd, const struct iovec *to, int n), (fd, to, n))
WRAP(preadv, (int fd, const struct iovec *to, int n, off_t at), (fd, to, n, at))
WRAP(preadv64, (int fd, const struct iovec *to, int n, off64_t at), (fd, to, n, at))
WRAP(preadv2, (int fd, const struct iovec *to, int n, off_t at, int flags), (fd, to, n, at, flags))
WRAP(preadv64v2, (int fd, const struct iovec *to, int n, off64_t at, int flags), (fd, to, n, at, flags))
