import { setImmediate } from 'node:timers/promises';

import * as fc from 'fast-check';
import * as graphql from 'graphql';
import { experimentalExecuteIncrementally, legacyExecuteIncrementally, parse } from 'graphql';
import type { ExecutionArgs } from 'graphql';
import { describe, expect, it } from 'vitest';

import { planDeferred } from '../../../src/execution/defer-plan.ts';
import { withoutParts } from '../../../src/execution/incremental-delivery.ts';
import { createReferenceEngine } from '../../../src/execution/reference-engine.ts';
import type { PreparedOperation } from '../../../src/execution/types.ts';
import { PatchTranslator } from '../../../src/protocol/incremental/patch-translator.ts';
import type {
  IncrementalPayload,
  Patch,
  PatchPayload,
} from '../../../src/protocol/incremental/payloads.ts';
import { accepted, prepared } from '../../execution/accepted.ts';
import { executableSchema } from '../../execution/executable-schema.ts';
import { mergeParts, mergePatches } from '../../support/merge-parts.ts';

const definitions = /* GraphQL */ `
  directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
  directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
  type Query {
    node: Node
    nodes: [Node]
  }
  type Node {
    name: String
    soon: String
    later: String
    fails: String
    required: String!
    node: Node
    nodes: [Node]
    numbers: [Int]
  }
`;

const wait = async (turns: number): Promise<void> => {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate();
};

const nodes = async function* () {
  for (let index = 0; index < 3; index += 1) {
    await wait(index);
    yield {};
  }
};

const schema = executableSchema(graphql, definitions, {
  Query: { node: () => ({}), nodes: () => [{}, {}] },
  Node: {
    name: () => 'name',
    soon: () => wait(1).then(() => 'soon'),
    later: () => wait(3).then(() => 'later'),
    fails: () => wait(2).then(() => Promise.reject(new Error('fails'))),
    required: () => wait(2).then(() => null),
    node: () => wait(1).then(() => ({})),
    nodes: () => nodes(),
    numbers: () => [1, 2, 3],
  },
});

const engine = createReferenceEngine({ limits: { tokens: 100_000, repeatedFields: 100_000 } });

function argumentsOf({ document, operation }: PreparedOperation): ExecutionArgs {
  return { schema, document, operationName: operation.name?.value ?? null };
}

/** As JSON has them: that is what a client sees. */
async function payloadsOf<Payload>(
  answer: ReturnType<typeof experimentalExecuteIncrementally | typeof legacyExecuteIncrementally>,
): Promise<readonly Payload[]> {
  const result = await answer;
  if (!('initialResult' in result)) return [];
  const payloads: unknown[] = [result.initialResult];
  for await (const payload of result.subsequentResults) payloads.push(payload);
  return JSON.parse(JSON.stringify(payloads)) as Payload[];
}

function translate(operation: PreparedOperation, payloads: readonly IncrementalPayload[]) {
  const translator = new PatchTranslator(planDeferred(operation, undefined));
  const patches = payloads.flatMap((payload) => translator.translate(payload) ?? []);
  return JSON.parse(JSON.stringify(patches)) as PatchPayload[];
}

async function inBothFormats(query: string) {
  const operation = prepared(engine.prepare(schema, { query }));
  const parts = await payloadsOf<IncrementalPayload>(
    experimentalExecuteIncrementally(argumentsOf(operation)),
  );
  const whole = accepted(await engine.execute(withoutParts(operation), { context: undefined }));
  if (whole.kind !== 'result') throw new Error(whole.kind);
  return { operation, parts, patches: translate(operation, parts), whole: whole.result.data };
}

function fragmentsIn(payloads: readonly PatchPayload[]): Readonly<Record<string, Patch>> {
  const patches = payloads.flatMap(({ incremental = [] }) => incremental);
  return Object.fromEntries(
    patches
      .filter((patch) => 'data' in patch)
      .map((patch) => [`${patch.label ?? ''} at ${patch.path.join('.')}`, patch]),
  );
}

/** A selection with fragments and lists that are deferred or not, each directive with a label of its own. */
const selections = fc
  .letrec<{ readonly set: readonly string[] }>((tie) => ({
    set: fc.array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom('name', 'soon', 'later', 'numbers @stream(LABEL)'),
        fc
          .tuple(
            fc.constantFrom('...', '... @defer(LABEL)', '... @defer(LABEL)', 'node'),
            tie('set'),
          )
          .map(nest),
        tie('set').map((set) => nest(['nodes @stream(LABEL, initialCount: 1)', set])),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }))
  .set.map((set) => label(`{ node { ${set.join(' ')} } }`));

function nest([before, set]: readonly [string, readonly string[]]): string {
  return `${before} { ${set.join(' ')} }`;
}

function label(query: string): string {
  let count = 0;
  return query.replaceAll('LABEL', () => `label: "L${(count += 1)}"`);
}

function isValid(query: string): boolean {
  return engine.prepare(schema, { query }).kind === 'prepared';
}

function plan(query: string, variables?: Record<string, unknown>) {
  const document = parse(query);
  const [operation] = document.definitions;
  if (operation?.kind !== 'OperationDefinition') throw new Error('no operation');
  return planDeferred({ document, operation }, variables);
}

describe('an answer in both formats', () => {
  it('ID-13 comes to the same result as without directives, in each of them', async () => {
    await fc.assert(
      fc.asyncProperty(selections.filter(isValid), async (query) => {
        const { parts, patches, whole } = await inBothFormats(query);
        if (parts.length === 0) return;

        expect(mergeParts(parts)).toEqual({ data: whole, errors: [] });
        expect(mergePatches(patches)).toEqual({ data: whole, errors: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('has the patches that graphql writes for itself in the older format', async () => {
    await fc.assert(
      fc.asyncProperty(selections.filter(isValid), async (query) => {
        const { operation, patches } = await inBothFormats(query);
        const own = fragmentsIn(
          await payloadsOf<PatchPayload>(legacyExecuteIncrementally(argumentsOf(operation))),
        );

        for (const [place, patch] of Object.entries(fragmentsIn(patches))) {
          expect(patch).toEqual(own[place]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['the field of a fragment', '{ node { name ... @defer { fails soon } } }'],
    ['a required field', '{ node { name ... @defer(label: "D") { required soon } } }'],
    [
      'a field that two fragments share',
      '{ node { ...A @defer ...B @defer } } fragment A on Node { fails soon } fragment B on Node { fails later }',
    ],
    ['a field of an item', '{ node { nodes @stream { fails } } }'],
    ['a required field of an item', '{ node { nodes @stream(initialCount: 1) { required } } }'],
  ])('tells of an error in %s once', async (_what, query) => {
    const { parts, patches } = await inBothFormats(query);

    const told = mergePatches(patches);
    expect(told.errors).toHaveLength(mergeParts(parts).errors.length);
    expect(new Set(told.errors.map(({ path }) => JSON.stringify(path)))).toEqual(
      new Set(mergeParts(parts).errors.map(({ path }) => JSON.stringify(path))),
    );
    expect(told.data).toEqual(mergeParts(parts).data);
  });

  it('leaves out of the plan what is not deferred', () => {
    const nothing = { below: new Map(), fragments: [], isSelected: false };

    expect(plan('{ node { name ... { soon } } }')).toEqual(nothing);
    expect(plan('{ node { name ... @defer(if: false) { soon } } }')).toEqual(nothing);
    const byVariable = 'query ($on: Boolean! = false) { node { ... @defer(if: $on) { soon } } }';
    expect(plan(byVariable)).toEqual(nothing);
    expect(plan(byVariable, { on: false })).toEqual(nothing);
    expect(plan(byVariable, { on: true })).not.toEqual(nothing);
    expect(
      plan('{ node { nodes @stream { name } ... @defer { soon } } }').below.get('node')?.below.size,
    ).toBe(1);
  });
});
