import { serveMillrace } from './millrace-server.mjs';

await serveMillrace('graphql-transport-ws');
