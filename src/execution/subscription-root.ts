import { GraphQLError, Kind } from 'graphql';
import type {
  ASTVisitor,
  DirectiveNode,
  FieldNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  ValidationContext,
} from 'graphql';

/** What a subscription selects at its root, fragments followed. */
export interface SubscriptionRoot {
  /** Fields by response name, in the order of the document. */
  readonly fields: ReadonlyMap<string, readonly FieldNode[]>;
  /** The `@skip` and `@include` found on the way. */
  readonly conditions: readonly DirectiveNode[];
}

/**
 * Collects the root fields of a subscription.
 *
 * @remarks
 * Type conditions are not looked at: in a valid document every fragment at the root applies to the subscription type.
 */
export function collectSubscriptionRoot(
  operation: OperationDefinitionNode,
  fragmentOf: (name: string) => FragmentDefinitionNode | null | undefined,
): SubscriptionRoot {
  const fields = new Map<string, FieldNode[]>();
  const conditions: DirectiveNode[] = [];
  // Each fragment counts once, as in execution; that ends cycles, too.
  const entered = new Set<string>();
  // The next selection is last, so that fields come out in the order in which they are written.
  const pending = operation.selectionSet.selections.toReversed();
  for (let selection = pending.pop(); selection !== undefined; selection = pending.pop()) {
    conditions.push(...(selection.directives ?? []).filter(isCondition));
    if (selection.kind === Kind.FIELD) {
      addField(fields, selection);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      pending.push(...selection.selectionSet.selections.toReversed());
    } else if (!entered.has(selection.name.value)) {
      entered.add(selection.name.value);
      const fragment = fragmentOf(selection.name.value);
      pending.push(...(fragment?.selectionSet.selections.toReversed() ?? []));
    }
  }
  return { fields, conditions };
}

function addField(fields: Map<string, FieldNode[]>, node: FieldNode): void {
  const responseName = (node.alias ?? node.name).value;
  const nodes = fields.get(responseName);
  if (nodes === undefined) fields.set(responseName, [node]);
  else nodes.push(node);
}

function isCondition(directive: DirectiveNode): boolean {
  return directive.name.value === 'skip' || directive.name.value === 'include';
}

/**
 * The rule "Single Root Field" (GraphQL specification, 5.2.4.1) in place of graphql's own.
 *
 * @remarks
 * graphql 16 evaluates `@skip` and `@include` at the root without variables, which throws or hides the second
 * field; the specification forbids both directives there, whatever their value.
 */
export function SingleRootFieldRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      if (operation.operation !== 'subscription') return;
      for (const error of subscriptionRootErrors(context, operation)) context.reportError(error);
    },
  };
}

function subscriptionRootErrors(
  context: ValidationContext,
  operation: OperationDefinitionNode,
): GraphQLError[] {
  const name =
    operation.name === undefined
      ? 'Anonymous Subscription'
      : `Subscription "${operation.name.value}"`;
  const { fields, conditions } = collectSubscriptionRoot(operation, (fragment) =>
    context.getFragment(fragment),
  );
  if (conditions.length > 0) {
    const message = `${name} must not use \`@skip\` or \`@include\` directives in the top level selection.`;
    return [new GraphQLError(message, { nodes: conditions })];
  }
  const errors: GraphQLError[] = [];
  const [, ...surplus] = fields.values();
  if (surplus.length > 0) {
    errors.push(
      new GraphQLError(`${name} must select only one top level field.`, { nodes: surplus.flat() }),
    );
  }
  for (const nodes of fields.values()) {
    if (nodes[0]?.name.value.startsWith('__') !== true) continue;
    errors.push(
      new GraphQLError(`${name} must not select an introspection top level field.`, { nodes }),
    );
  }
  return errors;
}
