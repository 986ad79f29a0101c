#ifndef BENCH_ESTABLISH_H
#define BENCH_ESTABLISH_H

#include "run.h"

/** Connects and subscribes all clients, proves it with one event, and prints a line of JSON with what it cost. */
void establish(struct run *run);

#endif
