/* Faults that a file system or a clock can have, put under a real process by LD_PRELOAD.
 *
 * FAULT_FSYNC_MS       every fsync and fdatasync takes this much longer
 * FAULT_FSYNC_LOG      one byte is appended to this file for each of them
 * FAULT_CLOCK_FILE     holds seconds (may be negative) by which the wall clock is off; read at each call
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void slow_sync(void) {
  const char *ms = getenv("FAULT_FSYNC_MS");
  const char *log = getenv("FAULT_FSYNC_LOG");
  if (ms) usleep((useconds_t)atoi(ms) * 1000);
  if (log) {
    int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
      if (write(fd, ".", 1) < 0) abort();
      close(fd);
    }
  }
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  slow_sync();
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  slow_sync();
  return real(fd);
}

static long clock_offset(void) {
  const char *name = getenv("FAULT_CLOCK_FILE");
  char text[32] = {0};
  if (!name) return 0;
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  return n > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *ts) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int rc = real(id, ts);
  if (rc == 0 && id == CLOCK_REALTIME) ts->tv_sec += clock_offset();
  return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
  struct timespec ts;
  (void)tz;
  if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return -1;
  tv->tv_sec = ts.tv_sec;
  tv->tv_usec = ts.tv_nsec / 1000;
  return 0;
}
