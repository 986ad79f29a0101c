import type { ServerAction, Transition } from '../transition.ts';
import type { ServerMessage } from './messages.ts';
import type { ServerPhase } from './server-connection.ts';

type Action = ServerAction<ServerMessage['type']>;

/** What may happen to a server's connection; `unknown` is a message of a type that clients do not send. */
export type ServerConnectionEvent =
  | 'connection_init'
  | 'connection_init of an unreadable handshake'
  | 'connection_terminate'
  | 'pong'
  | 'start'
  | 'start without authorization'
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
  {
    state: 'wait-init',
    on: ['connection_terminate', 'pong', 'keep-alive due', 'close unanswered', 'accept', 'refuse'],
    next: 'wait-init',
    does: [],
  },
  { state: 'wait-init', on: ['connection_init'], next: 'init-pending', does: ['connect'] },
  { state: 'wait-init', on: ['start'], next: 'pending-uninitialised', does: ['connect'] },
  {
    state: 'wait-init',
    on: ['connection_init of an unreadable handshake'],
    next: 'closing',
    does: ['send connection_error', 'close 4400'],
  },
  { state: 'wait-init', on: ['stop'], next: 'wait-init', does: ['send complete'] },
  {
    state: 'wait-init',
    on: ['start without authorization', 'unknown', 'malformed'],
    next: 'wait-init',
    does: ['send error'],
  },
  { state: 'wait-init', on: ['silence'], next: 'wait-init', does: ['ping'] },
  { state: 'wait-init', on: ['flood of control messages'], next: 'closing', does: ['close 4400'] },
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
    does: ['send connection_error', 'close 4500'],
  },
  { state: 'wait-init', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'wait-init', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'init-pending',
    on: [
      'connection_init',
      'connection_init of an unreadable handshake',
      'connection_terminate',
      'pong',
      'start',
      'init deadline',
      'keep-alive due',
      'close unanswered',
    ],
    next: 'init-pending',
    does: [],
  },
  {
    state: 'init-pending',
    on: ['accept'],
    next: 'ready',
    does: ['send connection_ack', 'send ka'],
  },
  { state: 'init-pending', on: ['stop'], next: 'init-pending', does: ['send complete'] },
  {
    state: 'init-pending',
    on: ['refuse'],
    next: 'closing',
    does: ['send connection_error', 'close 4401'],
  },
  {
    state: 'init-pending',
    on: ['start without authorization', 'unknown', 'malformed'],
    next: 'init-pending',
    does: ['send error'],
  },
  { state: 'init-pending', on: ['silence'], next: 'init-pending', does: ['ping'] },
  {
    state: 'init-pending',
    on: ['flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  { state: 'init-pending', on: ['silence after ping'], next: 'closing', does: ['close 4408'] },
  {
    state: 'init-pending',
    on: ['fail'],
    next: 'closing',
    does: ['send connection_error', 'close 4500'],
  },
  { state: 'init-pending', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'init-pending', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'pending-uninitialised',
    on: [
      'connection_terminate',
      'pong',
      'start',
      'init deadline',
      'keep-alive due',
      'close unanswered',
    ],
    next: 'pending-uninitialised',
    does: [],
  },
  {
    state: 'pending-uninitialised',
    on: ['connection_init', 'connection_init of an unreadable handshake'],
    next: 'init-pending',
    does: [],
  },
  { state: 'pending-uninitialised', on: ['accept'], next: 'ready-uninitialised', does: ['start'] },
  {
    state: 'pending-uninitialised',
    on: ['stop'],
    next: 'pending-uninitialised',
    does: ['send complete'],
  },
  {
    state: 'pending-uninitialised',
    on: ['refuse'],
    next: 'closing',
    does: ['send connection_error', 'close 4401'],
  },
  {
    state: 'pending-uninitialised',
    on: ['start without authorization', 'unknown', 'malformed'],
    next: 'pending-uninitialised',
    does: ['send error'],
  },
  {
    state: 'pending-uninitialised',
    on: ['silence'],
    next: 'pending-uninitialised',
    does: ['ping'],
  },
  {
    state: 'pending-uninitialised',
    on: ['flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  {
    state: 'pending-uninitialised',
    on: ['silence after ping'],
    next: 'closing',
    does: ['close 4408'],
  },
  {
    state: 'pending-uninitialised',
    on: ['fail'],
    next: 'closing',
    does: ['send connection_error', 'close 4500'],
  },
  { state: 'pending-uninitialised', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'pending-uninitialised', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'ready',
    on: [
      'connection_init',
      'connection_init of an unreadable handshake',
      'connection_terminate',
      'pong',
      'init deadline',
      'close unanswered',
      'accept',
      'refuse',
    ],
    next: 'ready',
    does: [],
  },
  { state: 'ready', on: ['start'], next: 'ready', does: ['start'] },
  { state: 'ready', on: ['stop'], next: 'ready', does: ['send complete'] },
  { state: 'ready', on: ['keep-alive due'], next: 'ready', does: ['send ka'] },
  {
    state: 'ready',
    on: ['start without authorization', 'unknown', 'malformed'],
    next: 'ready',
    does: ['send error'],
  },
  { state: 'ready', on: ['silence'], next: 'ready', does: ['ping'] },
  { state: 'ready', on: ['flood of control messages'], next: 'closing', does: ['close 4400'] },
  { state: 'ready', on: ['silence after ping'], next: 'closing', does: ['close 4408'] },
  { state: 'ready', on: ['fail'], next: 'closing', does: ['send connection_error', 'close 4500'] },
  { state: 'ready', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'ready', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'ready-uninitialised',
    on: [
      'connection_terminate',
      'pong',
      'init deadline',
      'keep-alive due',
      'close unanswered',
      'accept',
      'refuse',
    ],
    next: 'ready-uninitialised',
    does: [],
  },
  {
    state: 'ready-uninitialised',
    on: ['connection_init', 'connection_init of an unreadable handshake'],
    next: 'ready',
    does: ['send connection_ack', 'send ka'],
  },
  { state: 'ready-uninitialised', on: ['start'], next: 'ready-uninitialised', does: ['start'] },
  {
    state: 'ready-uninitialised',
    on: ['stop'],
    next: 'ready-uninitialised',
    does: ['send complete'],
  },
  {
    state: 'ready-uninitialised',
    on: ['start without authorization', 'unknown', 'malformed'],
    next: 'ready-uninitialised',
    does: ['send error'],
  },
  { state: 'ready-uninitialised', on: ['silence'], next: 'ready-uninitialised', does: ['ping'] },
  {
    state: 'ready-uninitialised',
    on: ['flood of control messages'],
    next: 'closing',
    does: ['close 4400'],
  },
  {
    state: 'ready-uninitialised',
    on: ['silence after ping'],
    next: 'closing',
    does: ['close 4408'],
  },
  {
    state: 'ready-uninitialised',
    on: ['fail'],
    next: 'closing',
    does: ['send connection_error', 'close 4500'],
  },
  { state: 'ready-uninitialised', on: ['close'], next: 'closing', does: ['close 1001'] },
  { state: 'ready-uninitialised', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'closing',
    on: [
      'connection_init',
      'connection_init of an unreadable handshake',
      'connection_terminate',
      'pong',
      'start',
      'start without authorization',
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
      'connection_init of an unreadable handshake',
      'connection_terminate',
      'pong',
      'start',
      'start without authorization',
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
] as const satisfies readonly Transition<ServerPhase, ServerConnectionEvent, Action>[];

/**
 * `held`: waits for the connect hook. `free`: its id names nothing. `ended`: the server ended it a short while ago, so that a `stop` may have crossed its
 * end; a new operation may take the id.
 */
export type ServerOperationState = 'held' | 'free' | 'running' | 'ended';

/** What may happen to an operation; `held` ones are on a connection that waits for its hook, others on one that is ready. */
export type ServerOperationEvent =
  | 'start'
  | 'stop'
  | 'accept'
  | 'refuse'
  | 'source opens'
  | 'source ends'
  | 'source fails'
  | 'close'
  | 'closed';

/** One operation, by its id. */
export const serverOperationTransitions = [
  { state: 'held', on: ['source opens', 'source ends', 'source fails'], next: 'held', does: [] },
  { state: 'held', on: ['start'], next: 'held', does: ['send error'] },
  {
    state: 'held',
    on: ['accept'],
    next: 'running',
    does: ['send connection_ack', 'send ka', 'start'],
  },
  { state: 'held', on: ['refuse'], next: 'ended', does: ['send connection_error', 'close 4401'] },
  { state: 'held', on: ['stop'], next: 'ended', does: ['send complete'] },
  { state: 'held', on: ['close'], next: 'ended', does: ['close 1001'] },
  { state: 'held', on: ['closed'], next: 'ended', does: [] },

  {
    state: 'free',
    on: ['accept', 'refuse', 'source opens', 'source ends', 'source fails', 'closed'],
    next: 'free',
    does: [],
  },
  { state: 'free', on: ['start'], next: 'running', does: ['start'] },
  { state: 'free', on: ['stop'], next: 'free', does: ['send complete'] },
  { state: 'free', on: ['close'], next: 'free', does: ['close 1001'] },

  { state: 'running', on: ['accept', 'refuse'], next: 'running', does: [] },
  { state: 'running', on: ['start'], next: 'running', does: ['send error'] },
  { state: 'running', on: ['source opens'], next: 'running', does: ['send start_ack'] },
  { state: 'running', on: ['stop'], next: 'ended', does: ['cancel', 'send complete'] },
  { state: 'running', on: ['source ends'], next: 'ended', does: ['send complete'] },
  { state: 'running', on: ['source fails'], next: 'ended', does: ['send error'] },
  { state: 'running', on: ['close'], next: 'ended', does: ['cancel', 'close 1001'] },
  { state: 'running', on: ['closed'], next: 'ended', does: ['cancel'] },

  {
    state: 'ended',
    on: ['stop', 'accept', 'refuse', 'source opens', 'source ends', 'source fails', 'closed'],
    next: 'ended',
    does: [],
  },
  { state: 'ended', on: ['start'], next: 'running', does: ['start'] },
  { state: 'ended', on: ['close'], next: 'ended', does: ['close 1001'] },
] as const satisfies readonly Transition<ServerOperationState, ServerOperationEvent, Action>[];
