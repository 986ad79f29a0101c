#include "held-bytes.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

void held_append(struct held_bytes *held, const char *bytes, size_t length) {
  size_t needed = held->length + length;
  if (needed > held->capacity) {
    size_t capacity = needed < 1024 ? 1024 : needed * 2;
    held->bytes = realloc(held->bytes, capacity);
    if (held->bytes == NULL) fail("no memory");
    held->capacity = (uint32_t)capacity;
  }
  memcpy(held->bytes + held->length, bytes, length);
  held->length = (uint32_t)needed;
}

void held_drop(struct held_bytes *held, size_t length) {
  held->length -= (uint32_t)length;
  memmove(held->bytes, held->bytes + length, held->length);
}

void held_free(struct held_bytes *held) {
  free(held->bytes);
  *held = (struct held_bytes){0};
}
