import { serveGraphqlWs } from './graphql-ws-server.mjs';

await serveGraphqlWs(() => ({}), { perMessageDeflate: true });
