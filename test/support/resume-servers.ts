import { buildSchema, isObjectType } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import type { TopicSource } from 'millrace/broker';
import type { MemoryBroker } from 'millrace/broker/memory';
import { createServer, pure } from 'millrace/server';
import type { Server, SlowConsumerPolicy } from 'millrace/server';
import type { VirtualClock } from 'millrace/testing';

import type { FieldKind } from './resume-acts.ts';

/** An event; `mark` is what maps leave, `owner` a function of the context. */
export interface Post {
  readonly n: number | 'row 1' | 'row 2';
  readonly pad?: string;
  readonly mark?: string;
  readonly owner?: (args: unknown, context: unknown) => string;
}

/** What operations and their events are executed in. */
export interface Context {
  /** Number of the attempt; absent where an audience shares. */
  readonly attempt?: number;
  readonly team: string;
}

/** Whom an event is executed for: `all` of those who share, or one attempt. */
export type Beneficiary = number | 'all';

/** One execution, as the resolver sees it. */
export interface ExecutedPost {
  readonly field: FieldKind;
  readonly post: Post;
  readonly beneficiary: Beneficiary;
  /** Of the audience, if the field has one. */
  readonly team: string;
}

/** What a server of the simulation is made of. */
export interface ServerParts {
  readonly broker: MemoryBroker;
  readonly clock: VirtualClock;
  readonly policy: SlowConsumerPolicy;
  readonly tokenMaxAgeMs: number;
  readonly open: (attempt: number) => TopicSource<Post>;
  readonly execute: (executed: ExecutedPost) => string | Promise<string>;
}

const typeDefinitions = /* GraphQL */ `
  type Shared {
    text: String
    owner: String
  }
  type Audience {
    text: String
    owner: String
  }
  type Own {
    text: String
    owner: String
  }
  type Query {
    noop: Int
  }
  type Subscription {
    shared: Shared
    audience: Audience
    own: Own
  }
`;

const never = Number.POSITIVE_INFINITY;

/** A server whose tokens every other one of them understands. */
export function createResumeServer(parts: ServerParts): Server {
  const { broker, clock, policy, tokenMaxAgeMs } = parts;
  const contexts = new WeakMap<object, Context>();
  return createServer({
    schema: createSchema(parts, contexts),
    broker,
    clock,
    protocols: ['graphql-transport-ws', 'subscriptions-transport-ws', 'sse'],
    slowConsumer: policy,
    limits: { outboxHighWaterBytes: 600, outboxHardBytes: 4_000, stalledMs: 1_000 },
    keepAlive: { pingAfterMs: never, pingAnswerMs: never, keepAliveMs: never, heartbeatMs: never },
    resume: {
      keys: [{ id: 'k', secret: 's'.repeat(32) }],
      maxAgeMs: tokenMaxAgeMs,
      now: () => clock.now(),
    },
    onInternalError: () => {}, // filters that fail, and events that were lost
    context: ({ operation }) => operation.extensions?.['subscriber'],
    audienceContext: (team) => ({ team }),
    eventContext: (context) => {
      const made = { ...(context as Context) }; // as made above
      contexts.set(made, made);
      return made;
    },
  });
}

function createSchema(
  { open, execute }: ServerParts,
  contexts: WeakMap<object, Context>,
): GraphQLSchema {
  // made for each server, and valid
  const schema = buildSchema(typeDefinitions, { assumeValid: true, assumeValidSDL: true });
  const resolver =
    (field: FieldKind) =>
    (post: Post, _args: unknown, context: object): string | Promise<string> => {
      // looking a context up does not touch it: that of a group belongs to nobody
      const own = contexts.get(context);
      const team = field === 'audience' ? (context as Context).team : '';
      return execute({ field, post, beneficiary: own?.attempt ?? 'all', team });
    };
  implement(schema, 'Shared', 'text', { resolve: pure(resolver('shared')) });
  implement(schema, 'Audience', 'text', { resolve: resolver('audience') });
  implement(schema, 'Own', 'text', { resolve: resolver('own') });
  const subscribe = (_root: unknown, _args: unknown, { attempt = -1 }: Context) => open(attempt);
  implement(schema, 'Subscription', 'shared', { subscribe });
  implement(schema, 'Subscription', 'own', { subscribe });
  implement(schema, 'Subscription', 'audience', {
    subscribe,
    extensions: { millrace: { audience: ({ team }: Context) => team } },
  });
  return schema;
}

function implement(schema: GraphQLSchema, type: string, field: string, parts: object): void {
  const found = schema.getType(type);
  Object.assign((isObjectType(found) && found.getFields()[field]) || {}, parts);
}

/** Whose event it is: what a resolver that looks into its context would give away. */
export function ownerOf(_args: unknown, context: unknown): string {
  const { attempt, team } = context as Context; // that of an operation, of one of its events, or of an audience
  return String(attempt ?? team);
}
