import { Observable } from 'relay-runtime';
import type {
  CacheConfig,
  FetchFunction,
  GraphQLResponse,
  RequestParameters,
  SubscribeFunction,
  UploadableMap,
  Variables,
} from 'relay-runtime';

import type { Operations } from '../client/client.ts';
import type {
  OperationOptions,
  OperationResult,
  OperationState,
} from '../client/operation-handle.ts';
import { UsageError } from '../errors.ts';
import { carryOperation } from './carry-operation.ts';
import { placeFiles } from './relay-files.ts';
import { RelayParts } from './relay-parts.ts';
import type { RelayResponse } from './relay-parts.ts';
import { createWatchers, reporterOf } from './watch-stream.ts';

/** What Relay asked for. */
export interface RelaySubscription {
  readonly request: RequestParameters;
  readonly variables: Variables;
}

/** What is sent for an operation of Relay. */
export type RelayRequest = Pick<
  OperationOptions<Variables, Variables>,
  'operationName' | 'extensions'
> & { readonly query: string; readonly variables?: Variables };

/** Options of {@link createRelayNetwork}. */
export interface RelayNetworkOptions {
  /**
   * Called when a subscription is live again after a lost connection, unless the server says that no event is missing; and each time that it says that some are. Here queries are
   * to be fetched again.
   */
  readonly onGap?: (subscription: RelaySubscription) => void;
  /** Told where a subscription is, now and whenever that changes, until Relay disposes of it. */
  readonly onState?: (state: OperationState, subscription: RelaySubscription) => void;
  /**
   * Makes of an operation what is sent.
   *
   * @defaultValue its text, or id as `extensions.documentId` where it is persisted
   */
  readonly toRequest?: (
    request: RequestParameters,
    variables: Variables,
    cacheConfig: CacheConfig,
  ) => RelayRequest;
  /** Told what `onGap` and `onState` threw; nothing else comes of that. @defaultValue `console.error` */
  readonly onInternalError?: (error: unknown) => void;
}

/** For `Network.create(network.fetch, network.subscribe)` of Relay. */
export interface RelayNetwork {
  readonly fetch: FetchFunction;
  readonly subscribe: SubscribeFunction;
}

/**
 * Makes the functions of a network layer of Relay that carry its operations over `client`.
 *
 * @remarks
 * GraphQL errors are in the responses, about which Relay decides; what the transport fails at is a {@link TransportError}, for Relay an error of the network. An operation that
 * Relay disposes of is stopped. Answers to `@defer` and `@stream` are handed on in parts. What Relay asks for is always fetched: nothing is cached here.
 */
export function createRelayNetwork(
  client: Operations,
  options: RelayNetworkOptions = {},
): RelayNetwork {
  const { onGap = 'ignore', toRequest = toDefaultRequest } = options;
  const toWatcher = createWatchers<readonly [RelaySubscription]>({ ...options, onGap }, () => {});
  const execute = (
    request: RequestParameters,
    variables: Variables,
    cacheConfig: CacheConfig,
    uploadables?: UploadableMap | null,
  ): Observable<GraphQLResponse> =>
    Observable.create((sink) => {
      const given = placeFiles(variables, uploadables ?? {});
      const parts = comesInParts(request) ? new RelayParts() : undefined;
      const watcher = toWatcher({ request, variables });
      let isWanted = true;
      const cancel = carryOperation(
        client,
        {
          kind: request.operationKind,
          options: toRequest(request, given, cacheConfig),
          // what Relay disposed of is over for it, and another one may have taken its place
          watcher: {
            onState: (state) => isWanted && watcher.onState(state),
            onMissed: () => isWanted && watcher.onMissed(),
          },
          report: reporterOf(options),
        },
        {
          next(result) {
            const responses = parts ? parts.translate(result) : toResponse(result);
            // what servers answer is what Relay takes
            sink.next(responses as GraphQLResponse);
          },
          error: (failure) => sink.error(failure),
          complete: () => sink.complete(),
        },
      );
      return () => {
        isWanted = false;
        cancel();
      };
    });
  return {
    fetch: execute,
    subscribe: (request, variables, cacheConfig) => execute(request, variables, cacheConfig),
  };
}

/** One of its own, for Relay writes into it. */
function toResponse({ data, errors, extensions }: OperationResult): RelayResponse {
  return {
    ...(data !== undefined && { data }),
    ...(errors && { errors }),
    ...(extensions && { extensions: { ...extensions } }),
  };
}

function toDefaultRequest(
  { id, text, name }: RequestParameters,
  variables: Variables,
): RelayRequest {
  if (text !== null) return { query: text, operationName: name, variables };
  if (id !== null) {
    return { query: '', operationName: name, variables, extensions: { documentId: id } };
  }
  throw new UsageError(
    `The operation \`${name}\` has neither a text nor the id of a persisted one`,
  );
}

/** Subscriptions have events, not parts. */
function comesInParts({ operationKind, text }: RequestParameters): boolean {
  return operationKind !== 'subscription' && /@(?:defer|stream)\b/.test(text ?? '');
}
