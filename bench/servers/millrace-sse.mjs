import { serveMillrace } from './millrace-server.mjs';

await serveMillrace('sse');
