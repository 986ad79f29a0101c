import * as appsyncClient from '../../src/protocol/appsync/client-transitions.ts';
import * as appsyncServer from '../../src/protocol/appsync/server-transitions.ts';
import { emitterTransitions } from '../../src/protocol/callback/emitter-transitions.ts';
import * as modernClient from '../../src/protocol/graphql-transport-ws/client-transitions.ts';
import * as modernServer from '../../src/protocol/graphql-transport-ws/server-transitions.ts';
import * as legacyClient from '../../src/protocol/subscriptions-transport-ws/client-transitions.ts';
import * as legacyServer from '../../src/protocol/subscriptions-transport-ws/server-transitions.ts';
import type { Transition } from '../../src/protocol/transition.ts';

interface Diagram {
  readonly title: string;
  readonly initial: string;
  readonly rows: readonly Transition[];
}

const diagrams: readonly Diagram[] = [
  {
    title: '`graphql-transport-ws`, server: connection',
    initial: 'wait-init',
    rows: modernServer.serverConnectionTransitions,
  },
  {
    title: '`graphql-transport-ws`, server: operation',
    initial: 'free',
    rows: modernServer.serverOperationTransitions,
  },
  {
    title: '`graphql-transport-ws`, client: connection',
    initial: 'connecting',
    rows: modernClient.clientConnectionTransitions,
  },
  {
    title: '`graphql-transport-ws`, client: operation',
    initial: 'queued',
    rows: modernClient.clientOperationTransitions,
  },
  {
    title: '`subscriptions-transport-ws`, server: connection',
    initial: 'wait-init',
    rows: legacyServer.serverConnectionTransitions,
  },
  {
    title: '`subscriptions-transport-ws`, server: operation',
    initial: 'free',
    rows: legacyServer.serverOperationTransitions,
  },
  {
    title: '`subscriptions-transport-ws`, client: connection',
    initial: 'connecting',
    rows: legacyClient.clientConnectionTransitions,
  },
  {
    title: '`subscriptions-transport-ws`, client: operation',
    initial: 'queued',
    rows: legacyClient.clientOperationTransitions,
  },
  {
    title: '`appsync`, server: connection',
    initial: 'wait-init',
    rows: appsyncServer.serverConnectionTransitions,
  },
  {
    title: '`appsync`, server: operation',
    initial: 'free',
    rows: appsyncServer.serverOperationTransitions,
  },
  {
    title: '`appsync`, client: connection',
    initial: 'connecting',
    rows: appsyncClient.clientConnectionTransitions,
  },
  {
    title: '`appsync`, client: subscription',
    initial: 'queued',
    rows: appsyncClient.clientSubscriptionTransitions,
  },
  {
    title: 'HTTP callbacks: subscription',
    initial: 'checking',
    rows: emitterTransitions,
  },
];

const introduction = `# State diagrams

Drawn from the transition tables in \`src/protocol/*/*-transitions.ts\` by \`npm run diagrams\`; do not edit.
An edge reads \`event / outputs\`. An event without an edge changes nothing and puts nothing out.
`;

/** All tables as one Markdown text with a Mermaid diagram each. */
export function renderStateDiagrams(): string {
  return [introduction, ...diagrams.map(renderDiagram)].join('\n');
}

function renderDiagram({ title, initial, rows }: Diagram): string {
  const states = [...new Set(rows.map((row) => row.state))];
  return [
    `## ${title}`,
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...states.map((state) => `  state "${state}" as ${nameOf(state)}`),
    `  [*] --> ${nameOf(initial)}`,
    ...rows.filter(changesSomething).map(renderEdge),
    '```',
    '',
  ].join('\n');
}

function changesSomething({ state, next, does }: Transition): boolean {
  return state !== next || does.length > 0;
}

function renderEdge({ state, on, next, does }: Transition): string {
  const label = does.length === 0 ? on.join(', ') : `${on.join(', ')} / ${does.join(', ')}`;
  return `  ${nameOf(state)} --> ${nameOf(next)}: ${label}`;
}

/** Mermaid reads a hyphen as the beginning of an arrow. */
function nameOf(state: string): string {
  return state.replaceAll('-', '_');
}
