import type { ServerConnectionState } from '../connection.ts';
import type { ServerAction, Transition } from '../transition.ts';
import type { ServerMessage } from './messages.ts';

type Action = ServerAction<ServerMessage['type']>;

/** What may happen to a server's connection; `unknown` is a message of a type that clients do not send. */
export type ServerConnectionEvent =
  | 'connection_init'
  | 'connection_error'
  | 'connection_terminate'
  | 'start'
  | 'stop'
  | 'unknown'
  | 'malformed'
  | 'flood of control messages'
  | 'init deadline'
  | 'keep-alive due'
  | 'silence'
  | 'silence after ping'
  | 'close unanswered'
  | 'accept'
  | 'refuse'
  | 'fail'
  | 'close'
  | 'closed';

/** The connection; operations that are running are cancelled before each `close`. */
export const serverConnectionTransitions = [
  { state: 'wait-init', on: ['connection_init'], next: 'init-pending', does: ['connect'] },
  {
    state: 'wait-init',
    on: ['connection_error', 'stop', 'keep-alive due', 'close unanswered', 'accept', 'refuse'],
    next: 'wait-init',
    does: [],
  },
  {
    state: 'wait-init',
    on: ['start'],
    next: 'closing',
    does: ['send connection_error', 'close 4401'],
  },
  { state: 'wait-init', on: ['unknown'], next: 'wait-init', does: ['send error'] },
  { state: 'wait-init', on: ['malformed'], next: 'wait-init', does: ['send connection_error'] },
  { state: 'wait-init', on: ['silence'], next: 'wait-init', does: ['ping'] },
  { state: 'wait-init', on: ['connection_terminate'], next: 'closing', does: ['close 1000'] },
  {
    state: 'wait-init',
    on: ['flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  {
    state: 'wait-init',
    on: ['init deadline', 'silence after ping'],
    next: 'closing',
    does: ['close 4408'],
  },
  {
    state: 'wait-init',
    on: ['fail'],
    next: 'closing',
    does: ['send connection_error', 'close 1011'],
  },
  { state: 'wait-init', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'wait-init', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'init-pending',
    on: [
      'connection_init',
      'connection_error',
      'start',
      'stop',
      'init deadline',
      'keep-alive due',
      'close unanswered',
    ],
    next: 'init-pending',
    does: [],
  },
  { state: 'init-pending', on: ['unknown'], next: 'init-pending', does: ['send error'] },
  {
    state: 'init-pending',
    on: ['malformed'],
    next: 'init-pending',
    does: ['send connection_error'],
  },
  { state: 'init-pending', on: ['silence'], next: 'init-pending', does: ['ping'] },
  {
    state: 'init-pending',
    on: ['accept'],
    next: 'ready',
    does: ['send connection_ack', 'send ka'],
  },
  {
    state: 'init-pending',
    on: ['refuse', 'fail'],
    next: 'closing',
    does: ['send connection_error', 'close 1011'],
  },
  { state: 'init-pending', on: ['connection_terminate'], next: 'closing', does: ['close 1000'] },
  {
    state: 'init-pending',
    on: ['flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  { state: 'init-pending', on: ['silence after ping'], next: 'closing', does: ['close 4408'] },
  { state: 'init-pending', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'init-pending', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'ready',
    on: [
      'connection_init',
      'connection_error',
      'stop',
      'init deadline',
      'close unanswered',
      'accept',
      'refuse',
    ],
    next: 'ready',
    does: [],
  },
  { state: 'ready', on: ['start'], next: 'ready', does: ['start'] },
  { state: 'ready', on: ['unknown'], next: 'ready', does: ['send error'] },
  { state: 'ready', on: ['malformed'], next: 'ready', does: ['send connection_error'] },
  { state: 'ready', on: ['keep-alive due'], next: 'ready', does: ['send ka'] },
  { state: 'ready', on: ['silence'], next: 'ready', does: ['ping'] },
  {
    state: 'ready',
    on: ['fail'],
    next: 'closing',
    does: ['send connection_error', 'close 1011'],
  },
  { state: 'ready', on: ['connection_terminate'], next: 'closing', does: ['close 1000'] },
  { state: 'ready', on: ['flood of control messages'], next: 'closing', does: ['close 4400'] },
  { state: 'ready', on: ['silence after ping'], next: 'closing', does: ['close 4408'] },
  { state: 'ready', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'ready', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'closing',
    on: [
      'connection_init',
      'connection_error',
      'connection_terminate',
      'start',
      'stop',
      'unknown',
      'malformed',
      'flood of control messages',
      'init deadline',
      'keep-alive due',
      'silence',
      'silence after ping',
      'accept',
      'refuse',
      'fail',
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
      'connection_error',
      'connection_terminate',
      'start',
      'stop',
      'unknown',
      'malformed',
      'flood of control messages',
      'init deadline',
      'keep-alive due',
      'silence',
      'silence after ping',
      'close unanswered',
      'accept',
      'refuse',
      'fail',
      'close',
      'closed',
    ],
    next: 'closed',
    does: [],
  },
] as const satisfies readonly Transition<ServerConnectionState, ServerConnectionEvent, Action>[];

/** `held`: waits for the connect hook. `free`: its id names nothing. `ended`: it did once; a new operation may take the id. */
export type ServerOperationState = 'held' | 'free' | 'running' | 'ended';

/** What may happen to an operation; `held` ones are on a connection that waits for its hook, others on one that is ready. */
export type ServerOperationEvent =
  | 'start'
  | 'stop'
  | 'accept'
  | 'refuse'
  | 'source ends'
  | 'source fails'
  | 'close'
  | 'closed';

/** One operation, by its id. */
export const serverOperationTransitions = [
  { state: 'held', on: ['start', 'source ends', 'source fails'], next: 'held', does: [] },
  {
    state: 'held',
    on: ['accept'],
    next: 'running',
    does: ['send connection_ack', 'send ka', 'start'],
  },
  { state: 'held', on: ['refuse'], next: 'ended', does: ['send connection_error', 'close 1011'] },
  { state: 'held', on: ['stop'], next: 'ended', does: ['send complete'] },
  { state: 'held', on: ['close'], next: 'ended', does: ['close 1001'] },
  { state: 'held', on: ['closed'], next: 'ended', does: [] },

  { state: 'free', on: ['start'], next: 'running', does: ['start'] },
  {
    state: 'free',
    on: ['stop', 'accept', 'refuse', 'source ends', 'source fails', 'closed'],
    next: 'free',
    does: [],
  },
  { state: 'free', on: ['close'], next: 'free', does: ['close 1001'] },

  { state: 'running', on: ['start'], next: 'running', does: ['cancel', 'start'] },
  { state: 'running', on: ['accept', 'refuse'], next: 'running', does: [] },
  { state: 'running', on: ['stop'], next: 'ended', does: ['cancel', 'send complete'] },
  { state: 'running', on: ['source ends'], next: 'ended', does: ['send complete'] },
  { state: 'running', on: ['source fails'], next: 'ended', does: ['send error'] },
  { state: 'running', on: ['close'], next: 'ended', does: ['cancel', 'close 1001'] },
  { state: 'running', on: ['closed'], next: 'ended', does: ['cancel'] },

  { state: 'ended', on: ['start'], next: 'running', does: ['start'] },
  {
    state: 'ended',
    on: ['stop', 'accept', 'refuse', 'source ends', 'source fails', 'closed'],
    next: 'ended',
    does: [],
  },
  { state: 'ended', on: ['close'], next: 'ended', does: ['close 1001'] },
] as const satisfies readonly Transition<ServerOperationState, ServerOperationEvent, Action>[];
