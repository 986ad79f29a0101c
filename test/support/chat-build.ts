import { buildChat } from '../../scripts/build-chat.mjs';
import { buildExample, buildListServer } from '../../scripts/build-example.mjs';

/** Before the tests with a browser, once for all files: several builds at a time would be in each other's way. */
export async function setup(): Promise<void> {
  await buildChat();
  await buildListServer();
  await buildExample('cluster');
}
