import * as graphql from 'graphql';
import { describe } from 'vitest';

import { differentialSuite } from './differential-suite.ts';
import { executeSuite } from './execute-suite.ts';
import { limitsSuite } from './limits-suite.ts';
import { prepareSuite } from './prepare-suite.ts';
import { subscribeSuite } from './subscribe-suite.ts';

describe(`with graphql ${graphql.version}`, () => {
  prepareSuite(graphql);
  limitsSuite(graphql);
  executeSuite(graphql);
  subscribeSuite(graphql);
  differentialSuite(graphql);
});
