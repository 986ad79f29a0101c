import type {
  PreparedOperation,
  Preparation,
  Refused,
  StartedSubscription,
} from '../../src/execution/types.ts';

/** What was not refused; the test fails with the reason of a refusal. */
export function prepared(preparation: Preparation): PreparedOperation {
  return accepted(preparation).prepared;
}

/** As {@link prepared}. */
export function accepted<Outcome extends { readonly kind: string }>(
  outcome: Outcome | Refused,
): Exclude<Outcome, Refused> {
  if (!isRefused(outcome)) return outcome as Exclude<Outcome, Refused>; // all that is left
  throw new Error(`refused: ${outcome.errors.map(({ message }) => message).join()}`);
}

function isRefused(outcome: { readonly kind: string }): outcome is Refused {
  return outcome.kind === 'refused';
}

/** The result of every event, until the source ends. */
export async function collectResults(subscription: StartedSubscription): Promise<unknown[]> {
  const { source } = subscription;
  const results: unknown[] = [];
  for (let item = await source.read(); item !== undefined; item = await source.read()) {
    results.push(
      item.kind === 'event'
        ? await subscription.execute(item.event)
        : subscription.failEvent(item.error),
    );
  }
  return results;
}
