import { buildChat } from './build-chat.mjs';

try {
  await buildChat();
  // in this very process, so that Ctrl-C reaches the server and nobody else
  await import(new URL('../examples/chat/dist/server.js', import.meta.url).href);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
