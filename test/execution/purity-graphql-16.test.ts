import * as graphql from 'graphql';
import { describe, vi } from 'vitest';

import { guardSuite } from './guard-context-suite.ts';
import { sharingSuite } from './purity-property-suite.ts';
import { puritySuite } from './purity-suite.ts';

vi.mock('graphql', () => import('graphql-16'));
describe(`with graphql ${graphql.version}`, () => {
  puritySuite(graphql);
  guardSuite(graphql);
  sharingSuite(graphql);
});
