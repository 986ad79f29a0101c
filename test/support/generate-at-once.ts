import { vi } from 'vitest';

// functions are written for selections before their first object, not only for those that are executed often
vi.mock('../../src/execution/compiled/hot-after.ts', () => ({ hotAfter: 0 }));
