import type { ClientConnectionState } from '../connection.ts';
import type { ClientAction, Transition } from '../transition.ts';
import type { ClientSubscriptionOutput, ClientSubscriptionState } from './client-subscription.ts';
import type { ClientMessage } from './messages.ts';

/**
 * What may happen to a client's connection without operations; `data` names an operation that never was. Refusals that do not pass are those of credentials
 * and of requests that cannot be read.
 */
export type ClientConnectionEvent =
  | 'opened'
  | 'opened without subprotocol'
  | 'initialise'
  | 'connection_ack'
  | 'connection_error'
  | 'connection_error that passes'
  | 'error without id'
  | 'ka'
  | 'data'
  | 'unknown'
  | 'malformed'
  | 'ack deadline'
  | 'silence'
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
      'connection_error that passes',
      'error without id',
      'ka',
      'data',
      'unknown',
      'malformed',
      'ack deadline',
      'silence',
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
  {
    state: 'initialising',
    on: ['unknown', 'malformed'],
    next: 'initialising',
    does: ['violation'],
  },
  {
    state: 'initialising',
    on: ['connection_error'],
    next: 'closed',
    does: ['connection-error', 'close 4403'],
  },
  {
    state: 'initialising',
    on: ['connection_error that passes', 'error without id'],
    next: 'closed',
    does: ['connection-error', 'close 4499'],
  },
  { state: 'initialising', on: ['close'], next: 'closed', does: ['close 1000'] },
  { state: 'initialising', on: ['closed'], next: 'closed', does: [] },

  { state: 'wait-ack', on: ['connection_ack'], next: 'ready', does: ['connected'] },
  {
    state: 'wait-ack',
    on: ['opened', 'opened without subprotocol', 'initialise', 'ka', 'data', 'silence'],
    next: 'wait-ack',
    does: [],
  },
  { state: 'wait-ack', on: ['unknown', 'malformed'], next: 'wait-ack', does: ['violation'] },
  {
    state: 'wait-ack',
    on: ['connection_error'],
    next: 'closed',
    does: ['connection-error', 'close 4403'],
  },
  {
    state: 'wait-ack',
    on: ['connection_error that passes', 'error without id'],
    next: 'closed',
    does: ['connection-error', 'close 4499'],
  },
  { state: 'wait-ack', on: ['ack deadline'], next: 'closed', does: ['close 4504'] },
  { state: 'wait-ack', on: ['close'], next: 'closed', does: ['close 1000'] },
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
    ],
    next: 'ready',
    does: [],
  },
  { state: 'ready', on: ['data', 'unknown', 'malformed'], next: 'ready', does: ['violation'] },
  {
    state: 'ready',
    on: ['connection_error', 'connection_error that passes', 'error without id'],
    next: 'ready',
    does: ['connection-error'],
  },
  { state: 'ready', on: ['silence'], next: 'closed', does: ['close 4499'] },
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
      'connection_error that passes',
      'error without id',
      'ka',
      'data',
      'unknown',
      'malformed',
      'ack deadline',
      'silence',
      'close',
      'closed',
    ],
    next: 'closed',
    does: [],
  },
] as const satisfies readonly Transition<
  ClientConnectionState,
  ClientConnectionEvent,
  ClientAction<ClientMessage['type']>
>[];

/** What may happen to a subscription; `connection_ack` comes when there is a connection, `authorized` when it is known who asks. */
export type ClientSubscriptionEvent =
  | 'connection_ack'
  | 'authorized'
  | 'refused'
  | 'start_ack'
  | 'data'
  | 'error'
  | 'complete'
  | 'start_ack deadline'
  | 'cancel'
  | 'closed';

/** One subscription, on its way to its connection and there. */
export const clientSubscriptionTransitions = [
  { state: 'queued', on: ['connection_ack'], next: 'authorizing', does: ['authorize'] },
  {
    state: 'queued',
    on: ['authorized', 'refused', 'start_ack', 'data', 'error', 'complete', 'start_ack deadline'],
    next: 'queued',
    does: [],
  },
  { state: 'queued', on: ['cancel', 'closed'], next: 'done', does: [] },

  { state: 'authorizing', on: ['authorized'], next: 'starting', does: ['send-start'] },
  { state: 'authorizing', on: ['refused'], next: 'done', does: ['fail'] },
  {
    state: 'authorizing',
    on: ['connection_ack', 'start_ack', 'data', 'error', 'complete', 'start_ack deadline'],
    next: 'authorizing',
    does: [],
  },
  { state: 'authorizing', on: ['cancel', 'closed'], next: 'done', does: [] },

  { state: 'starting', on: ['connection_ack', 'authorized'], next: 'starting', does: [] },
  { state: 'starting', on: ['refused'], next: 'done', does: ['fail'] },
  { state: 'starting', on: ['start_ack'], next: 'active', does: ['started'] },
  { state: 'starting', on: ['data'], next: 'starting', does: ['result'] },
  { state: 'starting', on: ['error'], next: 'done', does: ['error'] },
  { state: 'starting', on: ['complete'], next: 'done', does: ['complete'] },
  {
    state: 'starting',
    on: ['start_ack deadline'],
    next: 'done',
    does: ['send-stop', 'time-out'],
  },
  { state: 'starting', on: ['cancel'], next: 'stopping', does: [] },
  { state: 'starting', on: ['closed'], next: 'done', does: [] },

  {
    state: 'active',
    on: ['connection_ack', 'authorized', 'refused', 'start_ack', 'start_ack deadline'],
    next: 'active',
    does: [],
  },
  { state: 'active', on: ['data'], next: 'active', does: ['result'] },
  { state: 'active', on: ['error'], next: 'done', does: ['error'] },
  { state: 'active', on: ['complete'], next: 'done', does: ['complete'] },
  { state: 'active', on: ['cancel'], next: 'done', does: ['send-stop'] },
  { state: 'active', on: ['closed'], next: 'done', does: [] },

  {
    state: 'stopping',
    on: ['connection_ack', 'authorized', 'refused', 'data', 'cancel'],
    next: 'stopping',
    does: [],
  },
  {
    state: 'stopping',
    on: ['start_ack', 'start_ack deadline'],
    next: 'done',
    does: ['send-stop'],
  },
  { state: 'stopping', on: ['error', 'complete', 'closed'], next: 'done', does: [] },

  {
    state: 'done',
    on: [
      'connection_ack',
      'authorized',
      'refused',
      'start_ack',
      'data',
      'error',
      'complete',
      'start_ack deadline',
      'cancel',
      'closed',
    ],
    next: 'done',
    does: [],
  },
] as const satisfies readonly Transition<
  ClientSubscriptionState,
  ClientSubscriptionEvent,
  ClientSubscriptionOutput['kind']
>[];
