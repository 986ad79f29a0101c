import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql';
import { listen } from 'millrace/adapters/node';
import { createServer, GraphQLUpload } from 'millrace/server';

/**
 * A server with one mutation: the digest of a file, read as it comes, with a pause of so many milliseconds after each mebibyte.
 */
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { ok: { type: GraphQLString } } }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: {
      digest: {
        type: GraphQLString,
        args: {
          file: { type: new GraphQLNonNull(GraphQLUpload) },
          pauseMs: { type: new GraphQLNonNull(GraphQLInt) },
        },
        resolve: (_, { file, pauseMs }) => digest(file, pauseMs),
      },
    },
  }),
});

/**
 * @param {Promise<import('millrace/server').UploadedFile>} file
 * @param {number} pauseMs
 * @returns {Promise<string>}
 */
async function digest(file, pauseMs) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of (await file).stream()) {
    hash.update(chunk);
    const before = bytes;
    bytes += chunk.length;
    if (pauseMs > 0 && before >> 20 !== bytes >> 20) await sleep(pauseMs);
  }
  return hash.digest('hex');
}

const uploads = { fileBytes: Infinity, totalBytes: Infinity, completeMs: Infinity };
const server = createServer({ schema, uploads });
const { url } = await listen(server, { port: 0, host: '127.0.0.1' });
console.log(url);
