import express from 'express';
import express4 from 'express-4';

import { adapterContract } from '../contract/adapter-contract.ts';

import { serveExpress } from '../support/serve-express.ts';

adapterContract('the adapter for Express 5', (server) => serveExpress(server, express()));
adapterContract('the adapter for Express 4', (server) => serveExpress(server, express4()));
