import process from 'node:process';

import { runClientSuite } from './client-suite.ts';

// a case that fails may leave others behind; the run goes on, and the exit code says so
process.on('unhandledRejection', (error) => {
  process.exitCode = 1;
  process.stderr.write(`${String(error)}\n`);
});

// the last two: where the server is, and whose WebSocket is used
const [origin = '', implementation] = process.argv.slice(-2);
await runClientSuite({
  origin,
  sockets: implementation === 'own' ? { WebSocket: globalThis.WebSocket } : {},
});
