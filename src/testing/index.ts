export type { LaneClock } from './lane.ts';
export { manualSignals } from './manual-signals.ts';
export type { ManualSignals } from './manual-signals.ts';
export type { Direction, Faults } from './memory-link.ts';
export { inMemoryWebSocket } from './memory-web-socket.ts';
export type {
  InMemoryWebSocket,
  InMemoryWebSocketOptions,
  MemoryConnection,
} from './memory-web-socket.ts';
export type { MockOperation } from './mock-operation.ts';
export { mockServer } from './mock-server.ts';
export type { Mock, MockServer, MockServerOptions, Mocks } from './mock-server.ts';
export type {
  Closing,
  MessagePattern,
  PeerConnection,
  PeerMessage,
  ReceivedMessage,
} from './peer-connection.ts';
export { scriptedPeer } from './scripted-peer.ts';
export type { ScriptedPeer, ScriptedPeerOptions } from './scripted-peer.ts';
export { seededRandom } from './seeded-random.ts';
export type { SocketAttempt, TestSocket, TestWebSocket } from './test-socket.ts';
export { VirtualClock } from './virtual-clock.ts';
