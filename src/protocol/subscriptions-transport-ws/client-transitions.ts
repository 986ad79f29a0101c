import type { ClientConnectionState } from '../connection.ts';
import type { ClientAction, Transition } from '../transition.ts';
import type { ClientMessage } from './messages.ts';

type Action = ClientAction<ClientMessage['type']>;

/** What may happen to a client's connection without operations; `data` names an operation that never was. */
export type ClientConnectionEvent =
  | 'opened'
  | 'opened without subprotocol'
  | 'initialise'
  | 'connection_ack'
  | 'connection_error'
  | 'ka'
  | 'data'
  | 'malformed'
  | 'ack deadline'
  | 'silence'
  | 'silence after ka'
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
      'ka',
      'data',
      'malformed',
      'ack deadline',
      'silence',
      'silence after ka',
    ],
    next: 'connecting',
    does: [],
  },
  { state: 'connecting', on: ['close'], next: 'closed', does: ['close 1000'] },
  { state: 'connecting', on: ['closed'], next: 'closed', does: [] },

  { state: 'initialising', on: ['initialise'], next: 'wait-ack', does: ['send connection_init'] },
  {
    state: 'initialising',
    on: [
      'opened',
      'opened without subprotocol',
      'connection_ack',
      'ka',
      'data',
      'ack deadline',
      'silence',
    ],
    next: 'initialising',
    does: [],
  },
  { state: 'initialising', on: ['malformed'], next: 'initialising', does: ['violation'] },
  {
    state: 'initialising',
    on: ['connection_error'],
    next: 'closed',
    does: ['connection-error', 'close 4403'],
  },
  { state: 'initialising', on: ['silence after ka'], next: 'closed', does: ['close 4499'] },
  {
    state: 'initialising',
    on: ['close'],
    next: 'closed',
    does: ['send connection_terminate', 'close 1000'],
  },
  { state: 'initialising', on: ['closed'], next: 'closed', does: [] },

  { state: 'wait-ack', on: ['connection_ack'], next: 'ready', does: ['connected'] },
  {
    state: 'wait-ack',
    on: ['opened', 'opened without subprotocol', 'initialise', 'ka', 'data', 'silence'],
    next: 'wait-ack',
    does: [],
  },
  { state: 'wait-ack', on: ['malformed'], next: 'wait-ack', does: ['violation'] },
  {
    state: 'wait-ack',
    on: ['connection_error'],
    next: 'closed',
    does: ['connection-error', 'close 4403'],
  },
  { state: 'wait-ack', on: ['ack deadline'], next: 'closed', does: ['close 4504'] },
  { state: 'wait-ack', on: ['silence after ka'], next: 'closed', does: ['close 4499'] },
  {
    state: 'wait-ack',
    on: ['close'],
    next: 'closed',
    does: ['send connection_terminate', 'close 1000'],
  },
  { state: 'wait-ack', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'ready',
    on: [
      'opened',
      'opened without subprotocol',
      'initialise',
      'connection_ack',
      'ka',
      'ack deadline',
      'silence',
    ],
    next: 'ready',
    does: [],
  },
  { state: 'ready', on: ['data', 'malformed'], next: 'ready', does: ['violation'] },
  { state: 'ready', on: ['connection_error'], next: 'ready', does: ['connection-error'] },
  { state: 'ready', on: ['silence after ka'], next: 'closed', does: ['close 4499'] },
  {
    state: 'ready',
    on: ['close'],
    next: 'closed',
    does: ['send connection_terminate', 'close 1000'],
  },
  { state: 'ready', on: ['closed'], next: 'closed', does: [] },

  {
    state: 'closed',
    on: [
      'opened',
      'opened without subprotocol',
      'initialise',
      'connection_ack',
      'connection_error',
      'ka',
      'data',
      'malformed',
      'ack deadline',
      'silence',
      'silence after ka',
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
  | 'data'
  | 'error'
  | 'complete'
  | 'cancel'
  | 'close'
  | 'closed';

/** One operation. */
export const clientOperationTransitions = [
  { state: 'queued', on: ['connection_ack'], next: 'active', does: ['connected', 'send start'] },
  { state: 'queued', on: ['data', 'error', 'complete'], next: 'queued', does: [] },
  { state: 'queued', on: ['cancel'], next: 'done', does: [] },
  {
    state: 'queued',
    on: ['close'],
    next: 'done',
    does: ['send connection_terminate', 'lost', 'close 1000'],
  },
  { state: 'queued', on: ['closed'], next: 'done', does: ['lost'] },

  { state: 'active', on: ['connection_ack'], next: 'active', does: [] },
  { state: 'active', on: ['data'], next: 'active', does: ['result'] },
  { state: 'active', on: ['error'], next: 'done', does: ['error'] },
  { state: 'active', on: ['complete'], next: 'done', does: ['complete'] },
  { state: 'active', on: ['cancel'], next: 'done', does: ['send stop'] },
  {
    state: 'active',
    on: ['close'],
    next: 'done',
    does: ['send connection_terminate', 'lost', 'close 1000'],
  },
  { state: 'active', on: ['closed'], next: 'done', does: ['lost'] },

  {
    state: 'done',
    on: ['connection_ack', 'data', 'error', 'complete', 'cancel', 'closed'],
    next: 'done',
    does: [],
  },
  {
    state: 'done',
    on: ['close'],
    next: 'done',
    does: ['send connection_terminate', 'close 1000'],
  },
] as const satisfies readonly Transition<ClientOperationState, ClientOperationEvent, Action>[];
