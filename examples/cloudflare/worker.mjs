// @ts-nocheck -- the types of Workers are not installed here
import { createWorkerHandler } from 'millrace/adapters/cloudflare';
import { createServer } from 'millrace/server';

import { createRooms } from '../fetch/rooms.mjs';

/** One program, whose clients hear each other. Workers may not begin anything outside of an object or a request. */
export class Rooms {
  fetch = createWorkerHandler(createServer(createRooms()));
}

// eslint-disable-next-line import/no-default-export -- what a Worker is
export default {
  /** Here one object for all; a larger application has one for each room, tenant or region, by its name. */
  fetch: (request, { rooms }) => rooms.getByName('all').fetch(request),
};
