import * as graphql from 'graphql';
import { describe } from 'vitest';

import { guardSuite } from './guard-context-suite.ts';
import { sharingSuite } from './purity-property-suite.ts';
import { puritySuite } from './purity-suite.ts';

describe(`with graphql ${graphql.version}`, () => {
  puritySuite(graphql);
  guardSuite(graphql);
  sharingSuite(graphql);
});
