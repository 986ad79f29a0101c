#ifndef BENCH_HOLD_H
#define BENCH_HOLD_H

#include "run.h"

/** Keeps the connections and obeys the lines of stdin until it ends. */
void hold(struct run *run);

#endif
