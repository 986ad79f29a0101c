import type { OperationTrace } from './connection-record.ts';

/** How long two messages of one client may overtake each other. */
const overtakingMs = 10_000;
/** So many are remembered per connection; the oldest leave. */
const mostTraces = 32;
/** Ids that are longer leave none. */
const longestId = 256;

type Trace = Pick<OperationTrace, 'id' | 'kind'>;

/** `traces` with another one. */
export function leaveTrace(
  traces: readonly OperationTrace[],
  { id, kind }: Trace,
  now: number,
): readonly OperationTrace[] {
  if (String(id).length > longestId) return traces;
  const others = traces.filter((trace) => trace.id !== id && trace.until > now);
  return [...others, { id, kind, until: now + overtakingMs }].slice(-mostTraces);
}

/** `traces` without `trace`; `undefined` if it is not among them. */
export function takeTrace(
  traces: readonly OperationTrace[],
  { id, kind }: Trace,
  now: number,
): readonly OperationTrace[] | undefined {
  const isSought = (trace: OperationTrace): boolean =>
    trace.id === id && trace.kind === kind && trace.until > now;
  return traces.some(isSought) ? traces.filter((trace) => !isSought(trace)) : undefined;
}
