import { callback } from './callback.ts';
import type { Carrier } from './carrier.ts';
import { directly } from './direct.ts';
import {
  httpForm,
  httpGet,
  httpPost,
  multipartPost,
  partsPost,
  patchesPost,
  sseGet,
  ssePost,
  sseSingle,
} from './http.ts';
import { socketCarrier } from './sockets.ts';

/** Everything that carries operations. A new transport joins by one line. */
export const carriers = {
  'graphql-transport-ws': socketCarrier('graphql-transport-ws'),
  'subscriptions-transport-ws': socketCarrier('subscriptions-transport-ws'),
  appsync: socketCarrier('appsync'),
  'HTTP POST': httpPost,
  'HTTP POST of a form': httpForm,
  'HTTP GET': httpGet,
  'SSE by POST': ssePost,
  'SSE by GET': sseGet,
  'SSE on a single connection': sseSingle,
  multipart: multipartPost,
  'multipart with incrementalSpec': partsPost,
  'multipart with deferSpec': patchesPost,
  'an HTTP callback': callback,
  'a direct call': directly,
} as const satisfies Record<string, Carrier>;

export type CarrierName = keyof typeof carriers;
