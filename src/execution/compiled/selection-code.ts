import { TypeNameMetaFieldDef } from 'graphql';

import type { FieldPlan, SelectionPlan } from './plan.ts';
import type { PlainKind } from './values.ts';

/** Larger objects are rare, and code for them is no faster. */
const fieldLimit = 100;

/**
 * The body of a function that makes a completer for objects with these fields; `undefined` where closures have to do.
 *
 * @remarks
 * It does what {@link Run.executeFields} does, in the same order. That is faster because the object has its shape from the beginning, and because each property is read in a place of its own. Whatever is out of the
 * ordinary is left to the closures of the field. Of the document and the schema there is nothing in it but names, which were looked at; selections that look the same have the same text.
 *
 * The body sees {@link selectionParameters}.
 */
export function writeSelection(fields: SelectionPlan): string | undefined {
  if (fields.length === 0 || fields.length > fieldLimit || !fields.every(isNamedPlainly)) return;
  const shape = fields.map((field) => `${nameOf(field)}: ${initialOf(field)}`);
  return [
    '"use strict";',
    ...fields.flatMap((field, index) => declarations(field, index)),
    'return function (run, source) {',
    `  const target = { ${shape.join(', ')} };`,
    '  run.objects[depth] = target;',
    '  if (typeof source !== "object" || source === null) {',
    '    run.executeFields(fields, source, target);',
    '    return target;',
    '  }',
    '  let at = -1;',
    '  let value;',
    '  try {',
    ...fields.flatMap((field, index) => (isConstant(field) ? [] : steps(field, index))),
    '  } catch (error) {',
    '    if (at < 0) throw error;',
    '    goOnAfter(run, { fields, index: at, error, source, target });',
    '  }',
    '  return target;',
    '};',
  ].join('\n');
}

/** What the body that {@link writeSelection} writes is given. */
export const selectionParameters = ['fields', 'depth', 'hole', 'goOnAfter'] as const;

const plainName = /^[A-Z_a-z]\w*$/u;

/** Nothing but names as GraphQL has them gets into code, and none that means something to an object literal. */
function isNamedPlainly({ responseName, property, parentType }: FieldPlan): boolean {
  return [responseName, property ?? parentType.name, parentType.name].every(
    (name) => plainName.test(name) && name !== '__proto__',
  );
}

function nameOf({ responseName }: FieldPlan): string {
  return JSON.stringify(responseName);
}

function isConstant({ definition }: FieldPlan): boolean {
  return definition === TypeNameMetaFieldDef;
}

function initialOf(field: FieldPlan): string {
  return isConstant(field) ? JSON.stringify(field.parentType.name) : 'null';
}

/** Of a field, what its steps call. */
function declarations(field: FieldPlan, index: number): readonly string[] {
  if (isConstant(field)) return [];
  if (field.property === undefined) return [`const execute${index} = fields[${index}].execute;`];
  const take = `const take${index} = fields[${index}].take;`;
  return field.plain === 'none'
    ? [
        take,
        `const place${index} = fields[${index}].place;`,
        `const complete${index} = place${index}.complete;`,
      ]
    : [take];
}

/** `at` is the field that an error belongs to; closures of a field deal with theirs themselves. */
function steps(field: FieldPlan, index: number): readonly string[] {
  const { property } = field;
  if (property === undefined) return ['    at = -1;', `    execute${index}(run, source, target);`];
  // null is there already
  const rest = field.place.isNullable ? 'else if (value !== null && value !== undefined)' : 'else';
  return [
    `    at = ${index};`,
    `    value = source[${JSON.stringify(property)}];`,
    ...(field.plain === 'none' ? completion(field, index) : [plainCompletion(field)]),
    `    ${rest} {`,
    '      at = -1;',
    `      take${index}(run, value, source, target);`,
    '    }',
  ];
}

/** The same values as of `isPlain`. */
const plainTests: Readonly<Record<Exclude<PlainKind, 'none'>, string>> = {
  string: 'typeof value === "string"',
  boolean: 'typeof value === "boolean"',
  integer: 'typeof value === "number" && (value | 0) === value',
  number: 'typeof value === "number" && value - value === 0',
};

function plainCompletion(field: FieldPlan): string {
  const { plain } = field;
  const test = plain === 'none' ? 'false' : plainTests[plain];
  return `    if (${test}) target[${nameOf(field)}] = value;`;
}

/** A method `then` is looked at once. */
function completion(field: FieldPlan, index: number): readonly string[] {
  return [
    '    if (typeof value === "string" || (typeof value === "object" && value !== null && typeof value.then !== "function")) {',
    `      value = complete${index}(run, value);`,
    `      if (value !== hole) target[${nameOf(field)}] = value;`,
    `    } else if (typeof value === "object" && value !== null) run.await(value, place${index});`,
  ];
}
