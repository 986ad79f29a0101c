import { serveMillrace } from './millrace-server.mjs';

// everything, as ws does where it keeps contexts; by default results below 1,024 bytes are left alone
await serveMillrace('graphql-transport-ws', { compression: { thresholdBytes: 1 } });
