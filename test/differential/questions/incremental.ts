import * as graphql from 'graphql';

import { createIncrementalApp, personQuery } from '../../support/incremental-app.ts';
import type { Circumstances, Question } from '../question.ts';
import { mutation, query, refused } from '../question.ts';

const validation = 'GRAPHQL_VALIDATION_FAILED';

const circumstances: Circumstances = { options: { schema: createIncrementalApp().schema } };

const documents: readonly (readonly [title: string, document: string])[] = [
  ['a fragment and a list that come later', personQuery],
  ['a fragment whose field fails later', '{ person { name ... @defer { fails slow } } }'],
  [
    'a list that fails later, in a fragment',
    '{ person { ... @defer { films @stream { title } } } }',
  ],
  [
    'fragments that share fields',
    '{ person { ... @defer { slow friend { slow name } } ... @defer { slow friend { started name } } } }',
  ],
  ['nothing but a fragment that comes later', '{ ... @defer { person { name } } }'],
  [
    'a fragment that is deferred and left out',
    '{ person { name ... @defer @skip(if: true) { slow } } }',
  ],
];

/** Under graphql 16 all of them are refused. */
const isImplemented = 'experimentalExecuteIncrementally' in graphql;

/** What may come in parts: put together, it is what comes whole elsewhere. */
export const incrementalQuestions: readonly Question[] = [
  ...documents.map(([title, document]) =>
    isImplemented
      ? query(title, document, { in: circumstances })
      : refused(validation, title, document, circumstances),
  ),
  isImplemented
    ? mutation(
        'a mutation of which something comes later',
        'mutation { rename(to: "Leia") { name ... @defer { slow } } }',
        { in: circumstances },
      )
    : refused(
        validation,
        'a mutation of which something comes later',
        'mutation { rename(to: "Leia") { name ... @defer { slow } } }',
        circumstances,
      ),
  refused(validation, '@defer where the schema does not declare it', '{ ... @defer { hello } }'),
  refused(
    validation,
    '@defer in a subscription',
    'subscription { person { name ... @defer { slow } } }',
    circumstances,
  ),
  refused(validation, '@stream on what is no list', '{ person @stream { name } }', circumstances),
];
