#ifndef BENCH_OPERATION_H
#define BENCH_OPERATION_H

#include "run.h"

/** Sends what opens the client's connection: an upgrade request, or the operation itself as an event stream. */
void send_request(struct run *run, struct client *client);

/** Reads the head of the response; returns its length, or 0 if it has not come whole. */
size_t receive_head(struct run *run, struct client *client, const char *bytes, size_t length);

/** A WebSocket message that is not an event: the ack, or a ping. */
void receive_message(struct run *run, struct client *client, const char *text, size_t length);

#endif
