import type { Transition } from '../transition.ts';
import type { EmitterOutput, EmitterState } from './emitter.ts';

/** What may happen to a subscription whose events go to a callback; what answers concerns the message that is under way. */
export type EmitterEvent =
  | 'result'
  | 'source ends'
  | 'check accepted'
  | 'accepted'
  | 'gone'
  | 'refused'
  | 'failed'
  | 'failed too often'
  | 'heartbeat due'
  | 'no answer in time'
  | 'pause over'
  | 'closing time over'
  | 'cancel';

type Action = EmitterOutput['kind'];

/** A subscription over the HTTP callback protocol; `sending`: an event is under way, or to be repeated. */
export const emitterTransitions = [
  {
    state: 'checking',
    on: ['result', 'source ends', 'accepted', 'heartbeat due', 'closing time over'],
    next: 'checking',
    does: [],
  },
  { state: 'checking', on: ['check accepted'], next: 'quiet', does: ['opened'] },
  {
    state: 'checking',
    on: ['gone', 'refused', 'failed too often'],
    next: 'closed',
    does: ['closed'],
  },
  { state: 'checking', on: ['failed'], next: 'checking', does: [] },
  { state: 'checking', on: ['no answer in time'], next: 'checking', does: ['abort'] },
  { state: 'checking', on: ['pause over'], next: 'checking', does: ['post'] },
  { state: 'checking', on: ['cancel'], next: 'closed', does: ['abort', 'closed'] },

  { state: 'quiet', on: ['result'], next: 'sending', does: ['post'] },
  { state: 'quiet', on: ['source ends'], next: 'ending', does: ['post'] },
  { state: 'quiet', on: ['heartbeat due'], next: 'quiet', does: ['post'] },
  {
    state: 'quiet',
    on: [
      'check accepted',
      'accepted',
      'gone',
      'refused',
      'failed',
      'failed too often',
      'no answer in time',
      'pause over',
    ],
    next: 'quiet',
    does: [],
  },
  { state: 'quiet', on: ['closing time over', 'cancel'], next: 'closed', does: ['closed'] },

  {
    state: 'sending',
    on: ['result', 'check accepted', 'failed'],
    next: 'sending',
    does: [],
  },
  { state: 'sending', on: ['source ends'], next: 'ending', does: [] },
  { state: 'sending', on: ['accepted'], next: 'quiet', does: [] },
  {
    state: 'sending',
    on: ['gone', 'refused', 'failed too often'],
    next: 'closed',
    does: ['closed'],
  },
  { state: 'sending', on: ['heartbeat due', 'pause over'], next: 'sending', does: ['post'] },
  { state: 'sending', on: ['no answer in time'], next: 'sending', does: ['abort'] },
  {
    state: 'sending',
    on: ['closing time over', 'cancel'],
    next: 'closed',
    does: ['abort', 'closed'],
  },

  {
    state: 'ending',
    on: ['result', 'source ends', 'check accepted', 'failed', 'heartbeat due'],
    next: 'ending',
    does: [],
  },
  {
    state: 'ending',
    on: ['accepted', 'gone', 'refused', 'failed too often'],
    next: 'closed',
    does: ['closed'],
  },
  { state: 'ending', on: ['no answer in time'], next: 'ending', does: ['abort'] },
  { state: 'ending', on: ['pause over'], next: 'ending', does: ['post'] },
  {
    state: 'ending',
    on: ['closing time over', 'cancel'],
    next: 'closed',
    does: ['abort', 'closed'],
  },

  {
    state: 'closed',
    on: [
      'result',
      'source ends',
      'check accepted',
      'accepted',
      'gone',
      'refused',
      'failed',
      'failed too often',
      'heartbeat due',
      'no answer in time',
      'pause over',
      'closing time over',
      'cancel',
    ],
    next: 'closed',
    does: [],
  },
] as const satisfies readonly Transition<EmitterState, EmitterEvent, Action>[];
