import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ConcreteRequest } from 'relay-runtime';

const compiler = fileURLToPath(
  new URL('../../node_modules/relay-compiler/cli.js', import.meta.url),
);

const schema = /* GraphQL */ `
  directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
  directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
  type Query {
    items: [Item!]!
    person: Person
  }
  type Mutation {
    addItem(text: String!): Item!
  }
  type Subscription {
    itemAdded: Item!
  }
  type Item {
    id: ID!
    text: String!
  }
  type Person {
    name: String
    slow: String
    fails: String
    required: String!
    films: [Film!]
  }
  type Film {
    title: String
  }
`;

/** The compiler wants the name of the file in front of all others. */
const documents = `
  graphql\`query relayItemsQuery { items { id text } }\`;
  graphql\`mutation relayAddMutation($text: String!) { addItem(text: $text) { id text } }\`;
  graphql\`subscription relayAddedSubscription { itemAdded { id text } }\`;
  graphql\`fragment relaySlow_person on Person { name slow }\`;
  graphql\`fragment relayFails_person on Person { required }\`;
  graphql\`fragment relayFilms_person on Person { films @stream(initialCount: 1, label: "films") { title } }\`;
  graphql\`query relayBrokenQuery { person { name ...relayFails_person @defer(label: "fails") } }\`;
  graphql\`query relayPersonQuery {
    person {
      name
      ...relaySlow_person @defer(label: "slow")
      ...relayFilms_person
    }
  }\`;
`;

/** What the compiler of Relay makes of the documents of these tests. */
export interface RelayDocuments {
  readonly itemsQuery: ConcreteRequest;
  readonly personQuery: ConcreteRequest;
  readonly brokenQuery: ConcreteRequest;
  readonly addMutation: ConcreteRequest;
  readonly addedSubscription: ConcreteRequest;
}

/** Compiles them, in a folder that is gone afterwards. */
export function compileRelayDocuments(): RelayDocuments {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-relay-'));
  try {
    for (const name of ['documents', 'artifacts']) mkdirSync(path.join(folder, name));
    const config = {
      src: './documents',
      schema: './schema.graphql',
      language: 'javascript',
      eagerEsModules: false,
      artifactDirectory: './artifacts',
    };
    writeFileSync(path.join(folder, 'relay.config.json'), JSON.stringify(config));
    writeFileSync(path.join(folder, 'schema.graphql'), schema);
    writeFileSync(path.join(folder, 'documents/relay.js'), documents);
    execFileSync(process.execPath, [compiler, 'relay.config.json'], { cwd: folder, stdio: 'pipe' });
    const load = createRequire(path.join(folder, 'artifacts/'));
    const read = (name: string): ConcreteRequest => load(`./relay${name}.graphql.js`);
    return {
      itemsQuery: read('ItemsQuery'),
      personQuery: read('PersonQuery'),
      brokenQuery: read('BrokenQuery'),
      addMutation: read('AddMutation'),
      addedSubscription: read('AddedSubscription'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
