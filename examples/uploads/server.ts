import { createHash } from 'node:crypto';

import { makeExecutableSchema } from '@graphql-tools/schema';
import { listen } from 'millrace/adapters/node';
import type { UploadedFile } from 'millrace/server';
import { createServer, GraphQLUpload } from 'millrace/server';

const schema = makeExecutableSchema({
  typeDefs: /* GraphQL */ `
    scalar Upload
    type Query {
      ok: Boolean
    }
    type Mutation {
      digest(file: Upload!): String!
    }
  `,
  resolvers: {
    Upload: GraphQLUpload,
    Mutation: {
      digest: async (_: unknown, args: { readonly file: Promise<UploadedFile> }) => {
        const file = await args.file;
        const hash = createHash('sha256');
        for await (const chunk of file.stream()) hash.update(chunk);
        return `${file.name}: ${hash.digest('hex')}`;
      },
    },
  },
});

const { url } = await listen(createServer({ schema, uploads: true }), { port: 4000 });
console.log(`GraphQL at ${url}`);
