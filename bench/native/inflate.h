#ifndef BENCH_INFLATE_H
#define BENCH_INFLATE_H

#include <stddef.h>

#include "client.h"

/** Reads from the head of the response whether the server keeps a context for what it compresses; fails if it does not compress. */
void agree_on_compression(struct client *client, const char *head);

/** What a compressed message says; valid until the next one. */
const char *inflate_message(struct client *client, const char *payload, size_t length,
                            size_t *inflated_length);

#endif
