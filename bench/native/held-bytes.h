#ifndef BENCH_HELD_BYTES_H
#define BENCH_HELD_BYTES_H

#include <stddef.h>

#include "client.h"

void held_append(struct held_bytes *held, const char *bytes, size_t length);

/** Forgets the first bytes. */
void held_drop(struct held_bytes *held, size_t length);

void held_free(struct held_bytes *held);

#endif
