import type { ClientConnectionState } from '../connection.ts';
import type { ClientAction, Transition } from '../transition.ts';
import type { ClientMessage } from './messages.ts';

type Action = ClientAction<ClientMessage['type']>;

/** What may happen to a client's connection without operations; `next` names an operation that never was. */
export type ClientConnectionEvent =
  | 'opened'
  | 'opened without subprotocol'
  | 'initialise'
  | 'connection_ack'
  | 'connection_error'
  | 'ping'
  | 'pong'
  | 'next'
  | 'malformed'
  | 'ack deadline'
  | 'silence'
  | 'silence after ping'
  | 'close'
  | 'closed';

/** The connection; operations under it are lost before each `close`. */
export const clientConnectionTransitions = [
  { state: 'connecting', on: ['opened'], next: 'initialising', does: ['initialise'] },
  {
    state: 'connecting',
    on: ['opened without subprotocol'],
    next: 'closed',
    does: ['close 4406'],
  },
  {
    state: 'connecting',
    on: [
      'initialise',
      'connection_ack',
      'connection_error',
      'ping',
      'pong',
      'next',
      'malformed',
      'ack deadline',
      'silence',
      'silence after ping',
    ],
    next: 'connecting',
    does: [],
  },
  { state: 'connecting', on: ['close'], next: 'closed', does: ['close 1000'] },
  { state: 'connecting', on: ['closed'], next: 'closed', does: [] },

  { state: 'initialising', on: ['initialise'], next: 'wait-ack', does: ['send connection_init'] },
  { state: 'initialising', on: ['ping'], next: 'initialising', does: ['send pong'] },
  {
    state: 'initialising',
    on: [
      'opened',
      'opened without subprotocol',
      'pong',
      'ack deadline',
      'silence',
      'silence after ping',
    ],
    next: 'initialising',
    does: [],
  },
  {
    state: 'initialising',
    on: ['connection_ack', 'next', 'malformed'],
    next: 'closed',
    does: ['close 4004'],
  },
  {
    state: 'initialising',
    on: ['connection_error'],
    next: 'closed',
    does: ['connection-error', 'close 4403'],
  },
  { state: 'initialising', on: ['close'], next: 'closed', does: ['close 1000'] },
  { state: 'initialising', on: ['closed'], next: 'closed', does: [] },

  { state: 'wait-ack', on: ['connection_ack'], next: 'ready', does: ['connected'] },
  { state: 'wait-ack', on: ['ping'], next: 'wait-ack', does: ['send pong'] },
  {
    state: 'wait-ack',
    on: [
      'opened',
      'opened without subprotocol',
      'initialise',
      'pong',
      'silence',
      'silence after ping',
    ],
    next: 'wait-ack',
    does: [],
  },
  { state: 'wait-ack', on: ['next', 'malformed'], next: 'closed', does: ['close 4004'] },
  {
    state: 'wait-ack',
    on: ['connection_error'],
    next: 'closed',
    does: ['connection-error', 'close 4403'],
  },
  { state: 'wait-ack', on: ['ack deadline'], next: 'closed', does: ['close 4504'] },
  { state: 'wait-ack', on: ['close'], next: 'closed', does: ['close 1000'] },
  { state: 'wait-ack', on: ['closed'], next: 'closed', does: [] },

  { state: 'ready', on: ['ping'], next: 'ready', does: ['send pong'] },
  { state: 'ready', on: ['next'], next: 'ready', does: ['violation'] },
  { state: 'ready', on: ['silence'], next: 'ready', does: ['send ping'] },
  {
    state: 'ready',
    on: [
      'opened',
      'opened without subprotocol',
      'initialise',
      'connection_ack',
      'pong',
      'ack deadline',
    ],
    next: 'ready',
    does: [],
  },
  { state: 'ready', on: ['connection_error', 'malformed'], next: 'closed', does: ['close 4004'] },
  { state: 'ready', on: ['silence after ping'], next: 'closed', does: ['close 4499'] },
  { state: 'ready', on: ['close'], next: 'closed', does: ['close 1000'] },
  { state: 'ready', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'closed',
    on: [
      'opened',
      'opened without subprotocol',
      'initialise',
      'connection_ack',
      'connection_error',
      'ping',
      'pong',
      'next',
      'malformed',
      'ack deadline',
      'silence',
      'silence after ping',
      'close',
      'closed',
    ],
    next: 'closed',
    does: [],
  },
] as const satisfies readonly Transition<ClientConnectionState, ClientConnectionEvent, Action>[];

/** As {@link ClientOperation.state}. */
export type ClientOperationState = 'queued' | 'active' | 'done';

/** What may happen to an operation; `queued` ones are on a connection that waits for the ack, others on one that is ready. */
export type ClientOperationEvent =
  | 'connection_ack'
  | 'next'
  | 'error'
  | 'complete'
  | 'cancel'
  | 'close'
  | 'closed';

/** One operation. */
export const clientOperationTransitions = [
  {
    state: 'queued',
    on: ['connection_ack'],
    next: 'active',
    does: ['connected', 'send subscribe'],
  },
  {
    state: 'queued',
    on: ['next', 'error', 'complete'],
    next: 'done',
    does: ['lost', 'close 4004'],
  },
  { state: 'queued', on: ['cancel'], next: 'done', does: [] },
  { state: 'queued', on: ['close'], next: 'done', does: ['lost', 'close 1000'] },
  { state: 'queued', on: ['closed'], next: 'done', does: ['lost'] },

  { state: 'active', on: ['connection_ack'], next: 'active', does: [] },
  { state: 'active', on: ['next'], next: 'active', does: ['result'] },
  { state: 'active', on: ['error'], next: 'done', does: ['error'] },
  { state: 'active', on: ['complete'], next: 'done', does: ['complete'] },
  { state: 'active', on: ['cancel'], next: 'done', does: ['send complete'] },
  { state: 'active', on: ['close'], next: 'done', does: ['lost', 'close 1000'] },
  { state: 'active', on: ['closed'], next: 'done', does: ['lost'] },

  {
    state: 'done',
    on: ['connection_ack', 'next', 'error', 'complete', 'cancel', 'closed'],
    next: 'done',
    does: [],
  },
  { state: 'done', on: ['close'], next: 'done', does: ['close 1000'] },
] as const satisfies readonly Transition<ClientOperationState, ClientOperationEvent, Action>[];
