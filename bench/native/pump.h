#ifndef BENCH_PUMP_H
#define BENCH_PUMP_H

#include "run.h"

/** Waits until a client can read, until stdin can, or until that instant, whichever comes first; and reads. */
void pump(struct run *run, int64_t until_ns);

/** From now on `run->stdin_ready` says whether stdin has something. */
void watch_stdin(struct run *run);

#endif
