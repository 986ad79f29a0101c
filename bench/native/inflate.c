#include "inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fail.h"

#define LONGEST_MESSAGE (1 << 20)

static z_stream *create_inflater(void) {
  z_stream *inflater = calloc(1, sizeof *inflater);
  if (inflater == NULL || inflateInit2(inflater, -MAX_WBITS) != Z_OK) fail("no memory to inflate");
  return inflater;
}

void agree_on_compression(struct client *client, const char *head) {
  if (strstr(head, "permessage-deflate") == NULL)
    fail("client %u gets no compression: %s", client->index, head);
  if (strstr(head, "server_no_context_takeover") == NULL) client->inflater = create_inflater();
}

const char *inflate_message(struct client *client, const char *payload, size_t length,
                            size_t *inflated_length) {
  static z_stream *shared = NULL;
  static unsigned char message[LONGEST_MESSAGE];
  static const unsigned char flush[] = {0, 0, 0xff, 0xff};
  if (shared == NULL) shared = create_inflater();
  z_stream *inflater = client->inflater == NULL ? shared : client->inflater;
  if (inflater == shared) inflateReset(inflater);
  inflater->next_out = message;
  inflater->avail_out = sizeof message;
  inflater->next_in = (unsigned char *)payload; // zlib reads it only
  inflater->avail_in = (uInt)length;
  int result = inflate(inflater, Z_SYNC_FLUSH);
  inflater->next_in = (unsigned char *)flush;
  inflater->avail_in = sizeof flush;
  if (result == Z_OK || result == Z_BUF_ERROR) result = inflate(inflater, Z_SYNC_FLUSH);
  if (result != Z_OK || inflater->avail_in != 0)
    fail("client %u cannot inflate a message: %d", client->index, result);
  *inflated_length = sizeof message - inflater->avail_out;
  return (const char *)message;
}
