#ifndef BENCH_EVENT_STREAM_H
#define BENCH_EVENT_STREAM_H

#include "run.h"

/** Reads chunks of a chunked body and the events in them; returns how many of the bytes are done with. */
size_t event_stream_consume(struct run *run, struct client *client, const char *bytes,
                            size_t length);

#endif
