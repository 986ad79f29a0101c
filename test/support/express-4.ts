import { createRequire } from 'node:module';

import type express from 'express';

/** Express 4, whose application and parsers have the members of version 5 that the tests use. */
export const express4 = createRequire(import.meta.url)('express-4') as typeof express; // of these members both have the same types
