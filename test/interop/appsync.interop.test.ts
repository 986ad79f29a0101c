import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import { decodeJWT } from 'aws-amplify/auth';
import { createSubscriptionHandshakeLink } from 'aws-appsync-subscription-link';
import type * as SubscriptionLink from 'aws-appsync-subscription-link';
import type { AuthOptions } from 'aws-appsync-auth-link';
import { attach } from 'millrace/adapters/node';
import type { ConnectEvent, OperationEvent } from 'millrace/server';
import { createServer, refuse } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { certificate } from '../support/certificate.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { serveFixture } from '../support/fixture-server.ts';
import { Inbox, until } from '../support/waiting.ts';
import type { ConnectedClient } from './support/client-under-test.ts';
import { WithoutTls, driveAmplify, driveLink, stubWebSocket } from './support/clients/appsync.ts';
import type { AmplifyAuthorization } from './support/clients/appsync.ts';
import { next } from './support/recorded-operation.ts';
import { isSigned, keys } from './support/signature.ts';
import type { Authorization } from './support/signature.ts';

const room = 'subscription ($room: ID!) { message(room: $room) { text } }';

/** What the hooks of a server saw of the authorization of connections and operations. */
interface Witness {
  readonly server: FixtureServer;
  readonly connections: Inbox<Authorization>;
  readonly operations: Inbox<{ readonly authorization: Authorization; readonly data: string }>;
}

async function serveWitness(): Promise<Witness> {
  const connections: Witness['connections'] = new Inbox('a connection');
  const operations: Witness['operations'] = new Inbox('an operation');
  const server = await serveFixture({
    protocols: ['appsync'],
    onConnect({ connectionParams }: ConnectEvent) {
      connections.push(connectionParams['authorization'] as Authorization); // clients send texts
    },
    onSubscribe({ operation }: OperationEvent<object>) {
      const { authorization, data } = operation.extensions ?? {};
      operations.push({ authorization: authorization as Authorization, data: String(data) }); // as above
    },
  });
  return { server, connections, operations };
}

function connectLink({ httpUrl }: FixtureServer, auth: AuthOptions): ConnectedClient {
  stubWebSocket(WebSocket);
  return driveLink(createSubscriptionHandshakeLink, httpUrl, auth);
}

/** As a CommonJS module: as the other kind it cannot sign on Node. */
function connectSigningLink({ httpUrl }: FixtureServer): ConnectedClient {
  stubWebSocket(WebSocket);
  const required: unknown = createRequire(import.meta.url)('aws-appsync-subscription-link');
  const { createSubscriptionHandshakeLink: create } = required as typeof SubscriptionLink; // the same in both
  return driveLink(create, httpUrl, { type: 'AWS_IAM', credentials: () => Promise.resolve(keys) });
}

/** A server whose listener is an HTTPS one of the program. */
async function serveOverTls(): Promise<{ readonly url: string; readonly app: FixtureApp }> {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker, protocols: ['appsync'] });
  const listener = createTlsServer(certificate);
  const attachment = attach(server, listener);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(async () => {
    await attachment.close();
    listener.close();
  });
  const { port } = listener.address() as AddressInfo; // not a pipe
  return { url: `https://127.0.0.1:${port}/graphql`, app };
}

/** A program that trusts the certificate of the tests. */
class Trusting extends WebSocket {
  constructor(url: string, subprotocols: string[]) {
    super(url, subprotocols, { ca: certificate.cert });
  }
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = `${part({ alg: 'none' })}.${part({ sub: 'u', exp: 4_102_444_800 })}.x`;
const tokenSource = {
  Auth: {
    tokenProvider: { getTokens: () => Promise.resolve({ accessToken: decodeJWT(token) }) },
  },
};
const keySource = {
  Auth: {
    credentialsProvider: {
      getCredentialsAndIdentityId: () => Promise.resolve({ credentials: keys }),
      clearCredentialsAndIdentityId: () => {},
    },
  },
};
const amplifyModes = {
  userPool: { authMode: 'userPool', sources: tokenSource },
  oidc: { authMode: 'oidc', sources: tokenSource },
  lambda: { authMode: 'lambda', authToken: 'custom' },
  iam: { authMode: 'iam', sources: keySource },
} as const satisfies Record<string, AmplifyAuthorization>;

describe('the link of the AppSync SDK', () => {
  it.each<[string, AuthOptions, Authorization]>([
    ['an API key', { type: 'API_KEY', apiKey: 'da2-k' }, { 'x-api-key': 'da2-k' }],
    [
      'a token of a Cognito user pool',
      { type: 'AMAZON_COGNITO_USER_POOLS', jwtToken: () => Promise.resolve('jwt') },
      { authorization: 'jwt' },
    ],
    [
      'a token of OpenID Connect',
      { type: 'OPENID_CONNECT', jwtToken: 'oidc' },
      { authorization: 'oidc' },
    ],
    ['a token for a Lambda authorizer', { type: 'AWS_LAMBDA', token: 'λ' }, { authorization: 'λ' }],
  ])(
    'AS-3 AS-22 shows the hooks %s, for the connection and each operation',
    async (_mode, auth, seen) => {
      const { server, connections, operations } = await serveWitness();
      const client = connectLink(server, auth);
      const host = `127.0.0.1:${server.port}`;

      const { reports } = client.subscribe(room, { room: 'a' });

      expect(await connections.next()).toMatchObject({ host, ...seen });
      const { authorization, data } = await operations.next();
      expect(authorization).toMatchObject({ host, ...seen });
      expect(JSON.parse(data)).toMatchObject({ variables: { room: 'a' } });
      await server.sources(1);
      await server.app.publish('a', 'x');
      expect(await reports.next()).toEqual(next({ data: { message: { text: 'x' } } }));
    },
  );

  it('shows the hooks a signature of IAM that they can verify', async () => {
    const { server, connections, operations } = await serveWitness();
    const client = connectSigningLink(server);

    client.subscribe(room, { room: 'a' });

    const connection = await connections.next();
    const { authorization, data } = await operations.next();
    expect(isSigned(connection, '/graphql/connect', '{}')).toBe(true);
    expect(isSigned(authorization, '/graphql', data)).toBe(true);
    expect(isSigned(authorization, '/graphql', `${data} `)).toBe(false);
  });

  it('AS-7 does not come back after wrong credentials', async () => {
    let asked = 0;
    const server = await serveFixture({
      protocols: ['appsync'],
      onConnect() {
        asked += 1;
        return refuse({ reason: 'no entry' });
      },
    });
    const client = connectLink(server, { type: 'API_KEY', apiKey: 'wrong' });

    const { reports } = client.subscribe(room, { room: 'a' });

    expect((await reports.next()).kind).toBe('next');
    await server.connections(0);
    expect(asked).toBe(1);
  });

  it('AS-15 closes with 1000 a second after its last subscription was left', async () => {
    const { server } = await serveWitness();
    const client = connectLink(server, { type: 'API_KEY', apiKey: 'k' });
    const { reports, unsubscribe } = client.subscribe(room, { room: 'a' });
    await server.sources(1);
    await server.app.publish('a', 'x');
    await reports.next();

    unsubscribe();

    await server.sources(0);
    await expect(server.connections(0)).resolves.toBeUndefined();
  });
});

describe('Amplify', () => {
  it('AS-3 is served at a custom endpoint over TLS, as it wants it', async () => {
    const { url, app } = await serveOverTls();
    stubWebSocket(Trusting);
    const client = driveAmplify(url);

    const { reports } = client.subscribe(room, { room: 'a' });
    await until(() => app.openSources() === 1, 'an open source');
    await app.publish('a', 'x');

    expect(await reports.next()).toEqual(next({ data: { message: { text: 'x' } } }));
  });

  it.each(['userPool', 'oidc', 'lambda', 'iam'] as const)(
    'shows the hooks what it has for %s',
    async (mode) => {
      const { server, connections, operations } = await serveWitness();
      stubWebSocket(WithoutTls);
      const client = driveAmplify(server.httpUrl, amplifyModes[mode]);

      const { unsubscribe } = client.subscribe(room, { room: 'a' });

      const connection = await connections.next();
      const { authorization, data } = await operations.next();
      await server.sources(1);
      unsubscribe();
      expect([connection, authorization].map(({ host }) => host)).toEqual([
        `127.0.0.1:${server.port}`,
        `127.0.0.1:${server.port}`,
      ]);
      if (mode === 'iam') {
        expect(isSigned(connection, '/graphql/connect', '{}')).toBe(true);
        expect(isSigned(authorization, '/graphql', data)).toBe(true);
      } else {
        expect(connection['authorization']).toBe(mode === 'lambda' ? 'custom' : token);
        expect(authorization['authorization']).toBe(connection['authorization']);
      }
    },
  );
});
