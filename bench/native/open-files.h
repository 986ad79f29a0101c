#ifndef BENCH_OPEN_FILES_H
#define BENCH_OPEN_FILES_H

#include <sys/resource.h>

/** Lets this process have as many sockets as the system allows it. */
static inline void raise_open_files(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

#endif
