import express from 'express';

import { adapterContract } from '../contract/adapter-contract.ts';
import { express4 } from '../support/express-4.ts';
import { serveExpress } from '../support/serve-express.ts';

adapterContract('the adapter for Express 5', (server) => serveExpress(server, express()));
adapterContract('the adapter for Express 4', (server) => serveExpress(server, express4()));
