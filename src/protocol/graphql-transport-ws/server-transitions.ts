import type { ServerConnectionState } from '../connection.ts';
import type { ServerAction, Transition } from '../transition.ts';
import type { ServerMessage } from './messages.ts';

type Action = ServerAction<ServerMessage['type']>;

/** What may happen to a server's connection; `foreign` is a message of a type that only servers send. */
export type ServerConnectionEvent =
  | 'connection_init'
  | 'subscribe'
  | 'complete'
  | 'ping'
  | 'ping with credentials'
  | 'pong'
  | 'foreign'
  | 'malformed'
  | 'flood of control messages'
  | 'init deadline'
  | 'silence'
  | 'silence after ping'
  | 'close unanswered'
  | 'accept'
  | 'refuse'
  | 'fail'
  | 'renewed'
  | 'close'
  | 'closed';

/** The connection; operations that are running are cancelled before each `close`. */
export const serverConnectionTransitions = [
  { state: 'wait-init', on: ['connection_init'], next: 'init-pending', does: ['connect'] },
  { state: 'wait-init', on: ['subscribe'], next: 'closing', does: ['close 4401'] },
  {
    state: 'wait-init',
    on: ['ping', 'ping with credentials'],
    next: 'wait-init',
    does: ['send pong'],
  },
  {
    state: 'wait-init',
    on: ['complete', 'pong', 'accept', 'refuse', 'renewed', 'close unanswered'],
    next: 'wait-init',
    does: [],
  },
  {
    state: 'wait-init',
    on: ['foreign', 'malformed', 'flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  { state: 'wait-init', on: ['silence'], next: 'wait-init', does: ['ping'] },
  {
    state: 'wait-init',
    on: ['init deadline', 'silence after ping'],
    next: 'closing',
    does: ['close 4408'],
  },
  { state: 'wait-init', on: ['fail'], next: 'closing', does: ['close 4500'] },
  { state: 'wait-init', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'wait-init', on: ['closed'], next: 'closed', does: [] },

  { state: 'init-pending', on: ['connection_init'], next: 'closing', does: ['close 4429'] },
  { state: 'init-pending', on: ['subscribe'], next: 'closing', does: ['close 4401'] },
  {
    state: 'init-pending',
    on: ['ping', 'ping with credentials'],
    next: 'init-pending',
    does: ['send pong'],
  },
  {
    state: 'init-pending',
    on: ['complete', 'pong', 'init deadline', 'renewed', 'close unanswered'],
    next: 'init-pending',
    does: [],
  },
  {
    state: 'init-pending',
    on: ['foreign', 'malformed', 'flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  { state: 'init-pending', on: ['silence'], next: 'init-pending', does: ['ping'] },
  { state: 'init-pending', on: ['silence after ping'], next: 'closing', does: ['close 4408'] },
  { state: 'init-pending', on: ['accept'], next: 'ready', does: ['send connection_ack'] },
  { state: 'init-pending', on: ['refuse'], next: 'closing', does: ['close 4403'] },
  { state: 'init-pending', on: ['fail'], next: 'closing', does: ['close 4500'] },
  { state: 'init-pending', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'init-pending', on: ['closed'], next: 'closed', does: [] },

  { state: 'ready', on: ['connection_init'], next: 'closing', does: ['close 4429'] },
  { state: 'ready', on: ['subscribe'], next: 'ready', does: ['start'] },
  { state: 'ready', on: ['ping with credentials'], next: 'ready', does: ['renew'] },
  { state: 'ready', on: ['ping', 'renewed'], next: 'ready', does: ['send pong'] },
  {
    state: 'ready',
    on: ['complete', 'pong', 'init deadline', 'close unanswered', 'accept', 'refuse'],
    next: 'ready',
    does: [],
  },
  {
    state: 'ready',
    on: ['foreign', 'malformed', 'flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  { state: 'ready', on: ['silence'], next: 'ready', does: ['ping'] },
  { state: 'ready', on: ['silence after ping'], next: 'closing', does: ['close 4408'] },
  { state: 'ready', on: ['fail'], next: 'closing', does: ['close 4500'] },
  { state: 'ready', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'ready', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'closing',
    on: [
      'connection_init',
      'subscribe',
      'complete',
      'ping',
      'ping with credentials',
      'pong',
      'foreign',
      'malformed',
      'flood of control messages',
      'init deadline',
      'silence',
      'silence after ping',
      'accept',
      'refuse',
      'fail',
      'renewed',
      'close',
    ],
    next: 'closing',
    does: [],
  },
  { state: 'closing', on: ['close unanswered'], next: 'closing', does: ['destroy'] },
  { state: 'closing', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'closed',
    on: [
      'connection_init',
      'subscribe',
      'complete',
      'ping',
      'ping with credentials',
      'pong',
      'foreign',
      'malformed',
      'flood of control messages',
      'init deadline',
      'silence',
      'silence after ping',
      'close unanswered',
      'accept',
      'refuse',
      'fail',
      'renewed',
      'close',
      'closed',
    ],
    next: 'closed',
    does: [],
  },
] as const satisfies readonly Transition<ServerConnectionState, ServerConnectionEvent, Action>[];

/** `free`: its id names nothing. `ended`: it did once; a new operation may take the id. */
export type ServerOperationState = 'free' | 'running' | 'ended';

/** What may happen to an operation on a connection that is ready; the sources are ours, the rest is the client's doing. */
export type ServerOperationEvent =
  | 'subscribe'
  | 'complete'
  | 'source ends'
  | 'source fails'
  | 'close'
  | 'closed';

/** One operation, by its id. */
export const serverOperationTransitions = [
  { state: 'free', on: ['subscribe'], next: 'running', does: ['start'] },
  {
    state: 'free',
    on: ['complete', 'source ends', 'source fails', 'closed'],
    next: 'free',
    does: [],
  },
  { state: 'free', on: ['close'], next: 'free', does: ['close 1001'] },

  { state: 'running', on: ['subscribe'], next: 'ended', does: ['cancel', 'close 4409'] },
  { state: 'running', on: ['complete', 'closed'], next: 'ended', does: ['cancel'] },
  { state: 'running', on: ['source ends'], next: 'ended', does: ['send complete'] },
  { state: 'running', on: ['source fails'], next: 'ended', does: ['send error'] },
  { state: 'running', on: ['close'], next: 'ended', does: ['cancel', 'close 1001'] },

  { state: 'ended', on: ['subscribe'], next: 'running', does: ['start'] },
  {
    state: 'ended',
    on: ['complete', 'source ends', 'source fails', 'closed'],
    next: 'ended',
    does: [],
  },
  { state: 'ended', on: ['close'], next: 'ended', does: ['close 1001'] },
] as const satisfies readonly Transition<ServerOperationState, ServerOperationEvent, Action>[];
