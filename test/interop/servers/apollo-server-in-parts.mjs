import { register } from 'node:module';
import process from 'node:process';

// the one version by which the library answers in parts of `incrementalSpec=v0.2`, in place of that which the other servers have
const resolve = `export const resolve = (specifier, context, next) =>
  next(specifier.replace(/^graphql(?=$|\\/)/, 'graphql-17-alpha-9'), context);`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);

const { ApolloServer } = await import('@apollo/server');
const { startStandaloneServer } = await import('@apollo/server/standalone');
const { createSchemaInParts } = await import('./app-in-parts.mjs');
const graphql = await import('graphql');

const library = new ApolloServer({
  schema: createSchemaInParts(graphql),
  stopOnTerminationSignals: false,
});
const { url } = await startStandaloneServer(library, { listen: { port: 0, host: '127.0.0.1' } });
process.send?.(url);
process.once('disconnect', () => void library.stop());
