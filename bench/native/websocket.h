#ifndef BENCH_WEBSOCKET_H
#define BENCH_WEBSOCKET_H

#include "run.h"

enum opcode { OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

/** Sends one masked frame. */
void websocket_send(struct client *client, enum opcode opcode, const char *payload, size_t length);

/** Reads frames; returns how many of the bytes are done with, the rest has to come again with what follows. */
size_t websocket_consume(struct run *run, struct client *client, const char *bytes, size_t length);

#endif
