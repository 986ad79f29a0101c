import { HttpLink } from '@apollo/client';
import type { ApolloLink } from '@apollo/client';
import type { AuthOptions } from 'aws-appsync-auth-link';
import { createSubscriptionHandshakeLink } from 'aws-appsync-subscription-link';
import { Amplify } from 'aws-amplify';
import { generateClient } from 'aws-amplify/api';
import type { GraphQLResult } from 'aws-amplify/api';
import { onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

import { recordSeen, toMessages, toSeen } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient, Peculiarity, Trial } from '../client-under-test.ts';
import { completed, failed, next } from '../recorded-operation.ts';
import { driveApollo, withoutPartialData } from './apollo.ts';

const apiKey = 'da2-fixture';

const room = 'subscription ($room: ID!) { message(room: $room) { text } }';
const countdown = [3, 2, 1].map((number) => next({ data: { countdown: number } }));

const toldNoEnd = 'It takes no notice of the end of a subscription.';

/** Takes three events of `query`; no end follows, though the source has ended. */
function takeThree(query: string): NonNullable<Peculiarity['observe']> {
  return async ({ server, client }: Trial) => {
    const { reports } = client.subscribe(query);
    const seen = await reports.take(3);
    await server.sources(0);
    return [...seen, ...reports.rest];
  };
}

/** What the link makes of an \`error\` message, whatever that says. */
const unexpected = next({ errors: ['An error of unexpected shape occurred.'] });
const unsaid = 'It loses what the errors of a subscription say.';

/** What Amplify makes of one. */
const connectionFailed = (error: object): unknown =>
  failed([`Connection failed: ${JSON.stringify({ errors: [error] })}`]);
const asJson = 'The message is `Connection failed:` and what the server sent, as JSON.';

/** Apollo Client with the link of the AppSync SDK. */
export const appsyncLink: ClientUnderTest = {
  packageName: 'aws-appsync-subscription-link',
  part: '`HttpLink`',
  transport: '`appsync`',
  resumes: false,
  peculiarities: {
    'Partial data': withoutPartialData['Partial data'],
    'Events, then end': {
      outcome: 'events',
      note: toldNoEnd,
      observed: countdown,
      observe: takeThree('subscription { countdown(from: 3) }'),
    },
    Unsubscribe: {
      outcome: 'yes',
      note: 'One that is left before its acknowledgement arrived goes on until the connection is closed.',
      observed: [next({ data: { message: { text: 'still here' } } })],
      observe: unsubscribeOnceAcknowledged,
    },
    'Error in an event': {
      outcome: 'yes',
      note: 'Data beside errors is shown where `errorPolicy` is `all`; it is `none` by default.',
      observed: [
        next({ data: { flaky: 1 } }),
        next({ errors: ['flaky'] }),
        next({ data: { flaky: 3 } }),
      ],
      observe: takeThree('subscription { flaky }'),
    },
    'Request error': {
      outcome: 'as a result',
      note: unsaid,
      observed: [unexpected, completed],
    },
    'Failing source': {
      outcome: 'as a result',
      note: unsaid,
      observed: [next({ data: { breaks: 1 } }), unexpected, completed],
    },
  },
  connect(server) {
    stubWebSocket(WebSocket);
    return driveLink(createSubscriptionHandshakeLink, server.httpUrl, { type: 'API_KEY', apiKey });
  },
};

/** Has an Apollo client with the link that `create` makes do what is asked of it, and ask over HTTP for what is no subscription. */
export function driveLink(
  create: typeof createSubscriptionHandshakeLink,
  url: string,
  auth: AuthOptions,
): ConnectedClient {
  const http: unknown = new HttpLink({ uri: url });
  // its types name the CommonJS copy of Apollo Client, whose links are the same
  const link: unknown = create({ url, region: 'eu-west-1', auth }, http as LinkOfCopy);
  return driveApollo(link as ApolloLink);
}

type LinkOfCopy = Parameters<typeof createSubscriptionHandshakeLink>[1];

/** Amplify 6. */
export const amplify: ClientUnderTest = {
  packageName: 'aws-amplify',
  part: '`generateClient`',
  transport: '`appsync`',
  resumes: true,
  peculiarities: {
    'Events, then end': {
      outcome: 'events',
      note: toldNoEnd,
      observed: countdown,
      observe: takeThree('subscription { countdown(from: 3) }'),
    },
    'Partial data': {
      outcome: 'as a failure',
      note: 'The promise is rejected with data and errors.',
      observed: [failed(['lookup failed'])],
    },
    'Error in an event': {
      outcome: 'yes',
      note: toldNoEnd,
      observed: [
        next({ data: { flaky: 1 } }),
        next({ data: { flaky: null }, errors: ['flaky'] }),
        next({ data: { flaky: 3 } }),
      ],
      observe: takeThree('subscription { flaky }'),
    },
    'Request error': {
      outcome: 'as a failure',
      note: asJson,
      observed: [
        connectionFailed({
          errorType: 'GRAPHQL_VALIDATION_FAILED',
          errorCode: 400,
          message: 'Cannot query field "nope" on type "Subscription".',
          locations: [{ line: 2, column: 3 }],
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        }),
      ],
    },
    'Failing source': {
      outcome: 'as a failure',
      note: asJson,
      observed: [
        next({ data: { breaks: 1 } }),
        connectionFailed({
          errorType: 'SOURCE_FAILED',
          errorCode: 500,
          message: 'Internal server error',
          extensions: { code: 'SOURCE_FAILED' },
        }),
      ],
    },
    'Server restarts': {
      outcome: 'resumes',
      note: 'After five seconds.',
      observed: next({ data: { message: { text: 'after' } } }),
      observe: comeBackSlowly,
    },
  },
  connect(server) {
    stubWebSocket(WithoutTls);
    return driveAmplify(server.httpUrl);
  },
};

/** The link says nothing of a subscription that is left before it has read that it began. */
async function unsubscribeOnceAcknowledged({ server, client }: Trial): Promise<unknown> {
  const [left, kept] = ['a', 'b'].map((name) => client.subscribe(room, { room: name }));
  await server.sources(2);
  await server.app.publish('a', 'begun');
  await left?.reports.next();
  left?.unsubscribe();
  await server.sources(1);
  await server.app.publish('b', 'still here');
  return kept?.reports.take(1);
}

/** Amplify lets five seconds pass, and the test as many for everything. */
async function comeBackSlowly({ server, client }: Trial): Promise<unknown> {
  const { reports } = client.subscribe(room, { room: 'a' });
  await server.sources(1);
  await server.close();
  const successor = await server.startSuccessor();
  await successor.sources(1).catch(() => successor.sources(1));
  await successor.app.publish('a', 'after');
  return reports.next();
}

/** Amplify makes `wss:` of any URL. */
export class WithoutTls extends WebSocket {
  constructor(url: string, subprotocols: string[]) {
    super(url.replace(/^wss:/, 'ws:'), subprotocols);
  }
}

/** Both take the class of the browsers, which Node has from version 22 on. */
export function stubWebSocket(WebSocketClass: unknown): void {
  vi.stubGlobal('WebSocket', WebSocketClass);
  onTestFinished(() => void vi.unstubAllGlobals());
}

interface AmplifyObservable {
  subscribe(observer: object): { unsubscribe(): void };
}

/** How Amplify says who it is. */
export interface AmplifyAuthorization {
  readonly authMode: 'apiKey' | 'userPool' | 'oidc' | 'lambda' | 'iam';
  /** For `lambda`. */
  readonly authToken?: string;
  /** Where the other modes get what they send. */
  readonly sources?: Parameters<typeof Amplify.configure>[1];
}

/** Has Amplify do what is asked of it, with the endpoint at `endpoint`. */
export function driveAmplify(
  endpoint: string,
  { sources, ...authorization }: AmplifyAuthorization = { authMode: 'apiKey' },
): ConnectedClient {
  Amplify.configure(
    { API: { GraphQL: { endpoint, region: 'eu-west-1', defaultAuthMode: 'apiKey', apiKey } } },
    sources,
  );
  const client = generateClient();
  const ask = (query: string, variables: object = {}): unknown =>
    client.graphql({ query, variables, ...authorization });
  return {
    subscribe(query, variables) {
      const operation = recordSeen();
      const results = ask(query, variables) as AmplifyObservable; // of a subscription
      const subscription = results.subscribe({
        ...operation,
        error: (error: unknown) => operation.error(errorsIn(error)),
      });
      onTestFinished(() => subscription.unsubscribe());
      return { reports: operation.reports, unsubscribe: () => subscription.unsubscribe() };
    },
    async execute(query, variables) {
      try {
        return [next(toSeen((await ask(query, variables)) as GraphQLResult<object>))]; // of all others
      } catch (error) {
        return [failed(toMessages(errorsIn(error)))];
      }
    },
  };
}

/** What it fails with has the shape of a result. */
function errorsIn(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'errors' in error ? error.errors : error;
}
