#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include "run.h"

/** The number after `"seq":`, or -1 if these bytes do not have it whole. */
int64_t find_seq(const char *bytes, size_t length);

/** Counts an event that a client has received whole, and checks that it is the next one. */
void deliver(struct run *run, struct client *client, int64_t seq);

/** Ends the run unless every reader has all events up to `last_seq` of the server. */
void assert_complete(const struct run *run, int64_t last_seq);

#endif
