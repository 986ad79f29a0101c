const refusalBrand: unique symbol = Symbol.for('millrace.refusal');

/** The answer of a connect hook that lets nobody in. */
export interface Refusal {
  readonly [refusalBrand]: true;
  /** Shown to the peer. */
  readonly reason?: string;
}

/** Refuses a connection from `onConnect`: return it, or throw it from deeper down. `reason` is shown to the peer, at most 123 bytes of it. */
export function refuse(options: { readonly reason?: string } = {}): Refusal {
  return { [refusalBrand]: true, ...options };
}

/** Whether `value` came from {@link refuse}. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && refusalBrand in value;
}
