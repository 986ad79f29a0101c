import { GraphQLError, Kind } from 'graphql';
import type {
  ASTVisitor,
  DirectiveNode,
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
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
  document: DocumentNode,
  operation: OperationDefinitionNode,
): SubscriptionRoot {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  const fields = new Map<string, FieldNode[]>();
  const conditions: DirectiveNode[] = [];
  // The next selection is last, so that fields come out in the order in which they are written.
  const pending = reversed(operation.selectionSet);
  for (let selection = pending.pop(); selection !== undefined; selection = pending.pop()) {
    conditions.push(...(selection.directives ?? []).filter(isCondition));
    if (selection.kind === Kind.FIELD) {
      const responseName = (selection.alias ?? selection.name).value;
      fields.set(responseName, [...(fields.get(responseName) ?? []), selection]);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      pending.push(...reversed(selection.selectionSet));
    } else {
      const fragment = fragments.get(selection.name.value);
      // Each fragment counts once, as in execution; that ends cycles too.
      fragments.delete(selection.name.value);
      if (fragment !== undefined) pending.push(...reversed(fragment.selectionSet));
    }
  }
  return { fields, conditions };
}

function reversed(selectionSet: SelectionSetNode): SelectionNode[] {
  return [...selectionSet.selections].toReversed();
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
      for (const error of subscriptionRootErrors(context.getDocument(), operation))
        context.reportError(error);
    },
  };
}

function subscriptionRootErrors(
  document: DocumentNode,
  operation: OperationDefinitionNode,
): GraphQLError[] {
  const name =
    operation.name === undefined
      ? 'Anonymous Subscription'
      : `Subscription "${operation.name.value}"`;
  const { fields, conditions } = collectSubscriptionRoot(document, operation);
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
