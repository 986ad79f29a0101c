import { GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import type { UploadedFile } from 'millrace/server';
import { GraphQLUpload } from 'millrace/server';

/** A schema with a mutation that takes a file, for any runtime. */
export function createFileSchema(): GraphQLSchema {
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type: GraphQLString } } }),
    mutation: new GraphQLObjectType({
      name: 'Mutation',
      fields: {
        measure: {
          type: GraphQLString,
          args: { file: { type: new GraphQLNonNull(GraphQLUpload) } },
          resolve: (_, { file }: { readonly file: Promise<UploadedFile> }) => measure(file),
        },
      },
    }),
  });
}

async function measure(coming: Promise<UploadedFile>): Promise<string> {
  const file = await coming;
  const { byteLength } = await file.arrayBuffer();
  return `${file.name}: ${byteLength}`;
}
