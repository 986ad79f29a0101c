import { parse, validate } from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';

import { serveGraphqlWs } from './graphql-ws-server.mjs';

/**
 * @typedef {object} Compiled
 * @property {import('graphql').DocumentNode} document
 * @property {import('graphql-jit').CompiledQuery} query
 */

// the hook that graphql-ws offers in place of parsing, validating and executing
await serveGraphqlWs((schema) => {
  /** @type {Map<string, Compiled>} */
  const compiledByText = new Map();
  /** @type {Map<import('graphql').DocumentNode, Compiled>} */
  const compiledByDocument = new Map();

  /**
   * @param {string} text
   * @returns {Compiled}
   */
  function compile(text) {
    const document = parse(text);
    const errors = validate(schema, document);
    if (errors.length > 0) throw new Error(errors.join('\n'));
    const query = compileQuery(schema, document);
    if (!isCompiledQuery(query)) throw new Error('graphql-jit cannot compile this document');
    const compiled = { document, query };
    compiledByText.set(text, compiled);
    compiledByDocument.set(document, compiled);
    return compiled;
  }

  return {
    /**
     * @param {unknown} _context
     * @param {string} _id
     * @param {{ query: string, variables?: Record<string, unknown> | null }} payload
     */
    onSubscribe(_context, _id, { query, variables }) {
      const { document } = compiledByText.get(query) ?? compile(query);
      return { schema, document, variableValues: variables };
    },
    /** @param {import('graphql').ExecutionArgs} args */
    subscribe({ document, rootValue, contextValue, variableValues }) {
      const subscribe = compiledByDocument.get(document)?.query.subscribe;
      if (subscribe === undefined) throw new Error('only compiled subscriptions are executed');
      return subscribe(rootValue, contextValue, variableValues);
    },
  };
});
