import type { GraphQLResolveInfo } from 'graphql';

import { describeValue } from './describe-value.ts';

/** A function of the schema, or of a value, that was called. */
interface LoggedCall {
  readonly path: readonly (string | number)[];
  /** What it was called for: a value of the field at that path, the field itself, an input, or a list somewhere. */
  readonly about: 'field' | 'value' | 'input' | 'list' | 'case';
  readonly text: string;
}

/** What a function was given besides `info`. */
interface Given {
  readonly args?: unknown;
  readonly context: unknown;
}

/** What the functions of a case were called with. */
export class CallLog {
  readonly calls: LoggedCall[] = [];
  readonly context = { isContext: true };
  /** Hears of each function with the text of its call. */
  readonly #onCall: ((text: string) => void) | undefined;

  constructor(onCall?: (text: string) => void) {
    this.#onCall = onCall;
  }

  /** What has no path. */
  note(text: string, about: 'input' | 'list' | 'case'): void {
    this.calls.push({ path: [], about, text });
  }

  add(what: string, given: Given, info: GraphQLResolveInfo): void {
    const { path, parentType, returnType, fieldNodes, operation } = info;
    const parts = [
      what,
      info.fieldName,
      `${parentType.name}.${String(returnType)}`,
      describePath(path),
      `${fieldNodes.length}@${fieldNodes[0]?.loc?.start}`,
      describeArguments(given.args),
      given.context === this.context ? 'context' : 'another context',
      operation.operation,
      describeVariables(info.variableValues),
      Object.keys(info.fragments).join(),
      Object.keys(info)
        .filter((name) => !name.startsWith('getA'))
        .join(),
      info.rootValue === undefined ? 'no root' : 'root',
    ];
    // a function that tells types is not told which item of a list it is asked about
    const about = 'args' in given ? 'field' : 'value';
    const text = parts.join(' | ');
    this.calls.push({ path: keysOf(path), about, text });
    if (this.#onCall) {
      this.#onCall(text);
      this.calls.push({ path: keysOf(path), about, text: describeSignal(info) });
    }
  }
}

function describeArguments(args: unknown): string {
  const hasPrototype = typeof args === 'object' && args !== null && 'toString' in args;
  return `${describeValue(args)}${hasPrototype ? ' of Object' : ''}`;
}

/** Without what graphql 17 has besides, which is where they came from. */
function describeVariables(variables: GraphQLResolveInfo['variableValues']): string {
  return describeValue('coerced' in variables ? variables.coerced : variables);
}

/** Of graphql 17. */
function describeSignal(info: GraphQLResolveInfo): string {
  if (!('getAbortSignal' in info)) return 'no signal';
  const signal = info.getAbortSignal();
  return signal?.aborted === true ? `aborted: ${String(signal.reason)}` : 'not aborted';
}

type Path = GraphQLResolveInfo['path'];

function keysOf({ prev, key }: Path): (string | number)[] {
  return prev ? [...keysOf(prev), key] : [key];
}

function describePath({ prev, key, typename }: Path): string {
  return `${prev ? describePath(prev) : ''}/${typename ?? ''}.${key}`;
}
