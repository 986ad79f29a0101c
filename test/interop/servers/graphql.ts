import { createRequire } from 'node:module';

import type * as Graphql from 'graphql';

/**
 * The copy of graphql that the servers have: they refuse schemas of any other.
 *
 * @remarks
 * An `import` in a test gives the ES modules of the package, which are not what packages of Node get.
 */
export const graphql = createRequire(import.meta.url)('graphql') as typeof Graphql; // that is its name
