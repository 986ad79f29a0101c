import { createHash } from 'node:crypto';

import type { PersistedQueryStore, TrustedDocumentsOptions } from 'millrace/server';

import type { Question } from '../question.ts';
import { mutation, query, refused, subscription } from '../question.ts';

const hello = '{ hello }';
const countdown = 'subscription { countdown(from: 2) }';
const posting = 'mutation { post(room: "a", text: "x") }';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hashed = (sha256Hash: unknown, version: unknown = 1): object => ({
  extensions: { persistedQuery: { version, sha256Hash } },
});
const byHash = (text: string): object => hashed(sha256(text));
const byId = (documentId: unknown): object => ({ extensions: { documentId } });

/** A store that knows what was sent to another server. */
const filled: PersistedQueryStore = {
  get: (hash) => [hello, countdown, posting, '{ nope }'].find((text) => sha256(text) === hash),
  set: () => {},
};
const broken: PersistedQueryStore = {
  get: () => Promise.reject(new Error('store is broken')),
  set: () => {},
};

const persisting = { options: { persistedQueries: { store: filled } } };
const trusting = (others: TrustedDocumentsOptions['others'] = 'refuse') => ({
  options: {
    trustedDocuments: {
      documents: new Map([
        ['hello', hello],
        ['countdown', countdown],
        ['posting', posting],
        ['__proto__', '{ echo(text: "inherited") }'],
      ]),
      others,
    },
  },
});

const persisted: readonly Question[] = [
  query('the hash of a query', '', { ...byHash(hello), in: persisting }),
  subscription('the hash of a subscription', '', { ...byHash(countdown), in: persisting }),
  mutation('the hash of a mutation', '', { ...byHash(posting), in: persisting }),
  query('a query with its hash', hello, { ...byHash(hello), in: persisting }),
  query('a hash in capitals', '', { ...hashed(sha256(hello).toUpperCase()), in: persisting }),
  refused(
    'GRAPHQL_VALIDATION_FAILED',
    'the hash of an invalid document',
    { query: '', ...byHash('{ nope }') },
    persisting,
  ),
  refused(
    'PERSISTED_QUERY_NOT_FOUND',
    'a hash that nobody knows',
    { query: '', ...byHash('{ other }') },
    persisting,
  ),
  refused(
    'BAD_REQUEST',
    'a hash of another text',
    { query: hello, ...byHash('{ other }') },
    persisting,
  ),
  refused(
    'PERSISTED_QUERY_NOT_FOUND',
    'a hash that is none',
    { query: '', ...hashed('abc') },
    persisting,
  ),
  refused('BAD_REQUEST', 'a hash that is a number', { query: '', ...hashed(7) }, persisting),
  refused(
    'BAD_REQUEST',
    'a version of hashes that nobody knows',
    { query: '', ...hashed(sha256(hello), 2) },
    persisting,
  ),
  refused(
    'INTERNAL_SERVER_ERROR',
    'a store that is broken',
    { query: '', ...byHash(hello) },
    { options: { persistedQueries: { store: broken } } },
  ),
  refused('PERSISTED_QUERY_NOT_SUPPORTED', 'a hash where hashes are off', {
    query: '',
    ...byHash(hello),
  }),
  query('a text with any hash where hashes are off', hello, byHash('{ other }')),
];

const trusted: readonly Question[] = [
  query('the id of a query', '', { ...byId('hello'), in: trusting() }),
  subscription('the id of a subscription', '', { ...byId('countdown'), in: trusting() }),
  mutation('the id of a mutation', '', { ...byId('posting'), in: trusting() }),
  query('an id that objects inherit and the list has', '', {
    ...byId('__proto__'),
    in: trusting(),
  }),
  query('the text of a trusted document', hello, { in: trusting() }),
  query('another text where others are accepted', '{ echo(text: "x") }', {
    in: trusting('accept'),
  }),
  refused('DOCUMENT_NOT_TRUSTED', 'another text', '{ echo(text: "x") }', trusting()),
  refused(
    'DOCUMENT_NOT_TRUSTED',
    'introspection among trusted documents',
    '{ __schema { types { name } } }',
    trusting(),
  ),
  refused('DOCUMENT_NOT_TRUSTED', 'a trusted text with a space more', `${hello} `, trusting()),
  refused(
    'DOCUMENT_NOT_TRUSTED',
    'an id that the list does not have',
    { query: '', ...byId('constructor') },
    trusting(),
  ),
  refused(
    'DOCUMENT_NOT_FOUND',
    'such an id where others are accepted',
    { query: '', ...byId('constructor') },
    trusting('accept'),
  ),
  refused('DOCUMENT_NOT_FOUND', 'an id where there are none', { query: '', ...byId('hello') }),
  refused('BAD_REQUEST', 'an id that is a number', { query: '', ...byId(7) }, trusting()),
  refused(
    'BAD_REQUEST',
    'an id that is too long',
    { query: '', ...byId('x'.repeat(2_000)) },
    trusting(),
  ),
];

/** Documents that are named instead of sent. */
export const referenceQuestions: readonly Question[] = [...persisted, ...trusted];

/** Whose operation it is. */
export const principalQuestions: readonly Question[] = [
  query('an operation of somebody with room for it', hello, {
    in: { options: { principal: () => 'ada', limits: { operationsPerPrincipal: 1 } } },
  }),
  subscription('a subscription of somebody with room for it', countdown, {
    in: { options: { principal: () => 'ada', limits: { operationsPerPrincipal: 1 } } },
  }),
  refused('INTERNAL_SERVER_ERROR', 'a principal that cannot be told', hello, {
    options: {
      principal: () => {
        throw new Error('secret cause');
      },
    },
    leavesOut: { 'a direct call': 'the host program counts for itself' },
  }),
];
