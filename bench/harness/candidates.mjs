import { fileURLToPath } from 'node:url';

import { sendLoopPath } from './native.mjs';

/**
 * @typedef {object} CandidateProgram
 * @property {string} label what tables call it
 * @property {readonly string[]} command
 */

/**
 * @param {string} name
 * @returns {readonly string[]}
 */
function node(name) {
  const path = fileURLToPath(new URL(`../servers/${name}.mjs`, import.meta.url));
  return [process.execPath, '--expose-gc', path];
}

/**
 * Everything that can be measured, by the name that `--candidates` takes.
 *
 * @satisfies {Record<string, CandidateProgram>}
 */
export const candidates = {
  millrace: { label: 'millrace', command: node('millrace') },
  'millrace-redis': { label: 'millrace over Redis', command: node('millrace-redis') },
  'millrace-sse': { label: 'millrace (SSE)', command: node('millrace-sse') },
  'millrace-compressed': { label: 'millrace, compressed', command: node('millrace-compressed') },
  'graphql-ws': { label: 'graphql-ws', command: node('graphql-ws') },
  'graphql-ws-jit': { label: 'graphql-ws + graphql-jit', command: node('graphql-ws-jit') },
  'graphql-ws-compressed': {
    label: 'graphql-ws, compressed by ws',
    command: node('graphql-ws-compressed'),
  },
  mercurius: { label: 'mercurius', command: node('mercurius') },
  'subscriptions-transport-ws': {
    label: 'subscriptions-transport-ws',
    command: node('subscriptions-transport-ws'),
  },
  'graphql-sse': { label: 'graphql-sse (SSE)', command: node('graphql-sse') },
  'graphql-yoga': { label: 'graphql-yoga (SSE)', command: node('graphql-yoga') },
  'socket-write': { label: 'limit: node:net, a write per batch', command: node('socket-write') },
  'socket-write-each': {
    label: 'limit: node:net, JSON and a write per message',
    command: node('socket-write-each'),
  },
  'send-loop': { label: 'limit: C, a send per message', command: [sendLoopPath] },
  'send-loop-coalescing': {
    label: 'limit: C, a send per batch',
    command: [sendLoopPath, '--coalesce'],
  },
};

/** @typedef {keyof typeof candidates} CandidateName */

/**
 * @param {readonly string[]} names
 * @returns {CandidateName[]}
 */
export function requireCandidates(names) {
  return names.map((name) => {
    if (!Object.hasOwn(candidates, name)) {
      throw new Error(`no candidate ${name}; there are ${Object.keys(candidates).join(', ')}`);
    }
    return /** @type {CandidateName} */ (name); // it is an own key of the table
  });
}
