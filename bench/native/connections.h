#ifndef BENCH_CONNECTIONS_H
#define BENCH_CONNECTIONS_H

#include "run.h"

void create_clients(struct run *run);

/** Opens connections until as many handshakes are under way as may be. */
void open_connections(struct run *run);

/** Reads once from the client's socket, and what has come whole of it. */
void receive(struct run *run, struct client *client);

/** From now on the first clients of `options.stalled` do not read. */
void stall_clients(struct run *run);

/** How many of the stalled clients are connected as far as their kernel knows. */
uint32_t count_stalled_alive(const struct run *run);

#endif
