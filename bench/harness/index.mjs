/**
 * What a benchmark script uses.
 *
 *     const lab = await openLab();                                   // compiles bench/native, looks at the cores
 *     try {
 *       const server = await lab.start('graphql-ws');                // bench/servers/graphql-ws.mjs on the server's core
 *       const clients = await lab.connect(server, { clients: 1000 }); // the generator on its own core; all are subscribed
 *       clients.ready.serverCpuPerConnectionUs;                      // what connecting cost
 *       await clients.fanOut({ window: 8, warmUpSeconds: 1, seconds: 2 });
 *       await clients.latency({ rate: 10, seconds: 10 });
 *       server.publish('r0', 1, 68);                                 // with the clients held, for measures of another kind
 *       await clients.count();
 *       await server.stats();
 *       await clients.close();                                       // the server lives on, idle
 *     } finally {
 *       await lab.close();                                           // ends every process that it started
 *     }
 *
 * `alternate(rounds, candidates, measure)` measures every candidate once per round. `formatTable` aligns, `writeResults` keeps.
 * A lost, repeated or reordered event, an unexpected close and a refused handshake reject the call with a `MeasureError`.
 */
export { candidates, requireCandidates } from './candidates.mjs';
export { Clients, MeasureError, defaultTextBytes } from './clients.mjs';
export { openLab } from './lab.mjs';
export { describeMachine, formatMachine } from './machine.mjs';
export { writeResults } from './results.mjs';
export { alternate } from './rounds.mjs';
export { ServerProcess } from './server-process.mjs';
export { median } from './statistics.mjs';
export { formatTable } from './table.mjs';
