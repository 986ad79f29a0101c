import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import type { GraphQLSchema } from 'graphql';
import graphqlUploadExpress from 'graphql-upload/graphqlUploadExpress.mjs';
import GraphQLUpload from 'graphql-upload/GraphQLUpload.mjs';
import processRequest from 'graphql-upload/processRequest.mjs';
import { createYoga } from 'graphql-yoga';
import { onTestFinished } from 'vitest';

import { graphql } from './graphql.ts';
import { listen } from './listening.ts';

/** What a server got. */
export interface SeenFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly digest: string;
}

/** A file as graphql-upload gives it, or as fetch has it. */
type GivenFile =
  | {
      readonly filename: string;
      readonly mimetype: string;
      createReadStream(): AsyncIterable<Uint8Array>;
    }
  | File;

const typeDefinitions = /* GraphQL */ `
  scalar Upload
  type File {
    name: String!
    type: String!
    bytes: Int!
    digest: String!
  }
  input Attachment {
    blob: Upload
  }
  input Letter {
    attachments: [Attachment!]!
  }
  type Query {
    hello: String
  }
  type Mutation {
    hello: String
    put(file: Upload!): File
    putAll(files: [Upload!]!): [File!]
    mail(letter: Letter!): [File!]
  }
`;

type Args = Readonly<Record<string, unknown>>;

function createSchema(parseUpload: (value: unknown) => unknown): GraphQLSchema {
  const schema = graphql.buildSchema(typeDefinitions);
  Object.assign(schema.getType('Upload') ?? {}, { parseValue: parseUpload });
  const fields = schema.getMutationType()?.getFields() ?? {};
  const resolvers: Readonly<Record<string, (source: unknown, args: Args) => unknown>> = {
    hello: () => 'world',
    put: (_, { file }) => describeFile(file),
    putAll: (_, { files }) => Promise.all((files as readonly unknown[]).map(describeFile)), // by the schema
    mail: (_, { letter }) => {
      const { attachments } = letter as { readonly attachments: readonly Args[] }; // by the schema
      return Promise.all(attachments.map(({ blob }) => describeFile(blob)));
    },
  };
  for (const [name, resolve] of Object.entries(resolvers))
    Object.assign(fields[name] ?? {}, { resolve });
  return schema;
}

async function describeFile(coming: unknown): Promise<SeenFile> {
  const file = (await coming) as GivenFile; // of whichever library the scalar is
  const hash = createHash('sha256');
  let bytes = 0;
  const stream = 'createReadStream' in file ? file.createReadStream() : chunksOf(file);
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    hash.update(chunk);
  }
  const name = 'filename' in file ? file.filename : file.name;
  const type = 'mimetype' in file ? file.mimetype : file.type;
  return { name, type, bytes, digest: hash.digest('hex') };
}

async function* chunksOf(file: File): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(await file.arrayBuffer());
}

/** What graphql-upload puts in the place of files becomes a promise of them. */
const ofGraphqlUpload = (): GraphQLSchema =>
  createSchema((value) => GraphQLUpload.parseValue(value));

async function serveUntilTheEnd(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
  end?: () => unknown,
): Promise<string> {
  const server: Server = await listen((request, response) => void listener(request, response), 0);
  onTestFinished(async () => {
    await end?.();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return `http://127.0.0.1:${port}/graphql`;
}

/** One request as a library without any protocol of its own executes it. */
async function execute(schema: GraphQLSchema, body: unknown): Promise<unknown> {
  const { query, variables } = body as { readonly query: string; readonly variables?: Args }; // tests send nothing else
  return graphql.graphql({ schema, source: query, variableValues: variables });
}

async function expressAlone(): Promise<string> {
  const schema = ofGraphqlUpload();
  const routes = express();
  routes.use('/graphql', graphqlUploadExpress(), express.json(), (request, response, next) => {
    execute(schema, request.body).then((result) => response.json(result), next);
  });
  return serveUntilTheEnd(routes);
}

/** As its middleware for koa has it. */
async function nodeAlone(): Promise<string> {
  const schema = ofGraphqlUpload();
  return serveUntilTheEnd(async (request, response) => {
    const isForm = request.headers['content-type']?.startsWith('multipart/form-data') === true;
    const body: unknown = isForm
      ? await processRequest(request, response)
      : JSON.parse(await text(request));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(await execute(schema, body)));
  });
}

async function apollo(): Promise<string> {
  const library = new ApolloServer({ schema: ofGraphqlUpload(), stopOnTerminationSignals: false });
  await library.start();
  const routes = express();
  routes.use('/graphql', express.json(), graphqlUploadExpress(), expressMiddleware(library));
  return serveUntilTheEnd(routes, () => library.stop());
}

async function yoga(): Promise<string> {
  const library = createYoga({ schema: createSchema((value) => value), logging: false });
  return serveUntilTheEnd(library, () => library.dispose());
}

/** Servers that take files; each ends with its test. */
export const uploadServers: Readonly<Record<string, () => Promise<string>>> = {
  'graphql-upload on express': expressAlone,
  'graphql-upload on node:http': nodeAlone,
  'graphql-upload in front of @apollo/server': apollo,
  'graphql-yoga': yoga,
};
