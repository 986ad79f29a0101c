#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS 1000000LL
#define FAR_FUTURE INT64_MAX

static inline int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

static inline int64_t timeval_us(struct timeval time) {
  return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/** User and system time of this process. */
static inline int64_t own_cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime);
}

#endif
