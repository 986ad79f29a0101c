import { isSharable } from '../../broker/sharable-source.ts';
import { createSnapshotReader } from '../../broker/stepped-producer.ts';
import { UsageError } from '../../errors.ts';
import type {
  ExecutionEngine,
  ExecutionInput,
  PreparedOperation,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from '../../execution/index.ts';
import { createSourceReader } from '../../stream/source-reader.ts';
import type { SourceItem } from '../../stream/source.ts';

/** A subscription that would be opened now if there were a process to read its source. */
export interface Registration {
  readonly prepared: PreparedOperation;
  readonly resolved: ResolvedSubscription;
  readonly input: ExecutionInput;
}

/** An engine that can say which source it found. */
export type ResolvingEngine = ExecutionEngine & Required<Pick<ExecutionEngine, 'resolveSource'>>;

/** Throws {@link UsageError} for an engine that cannot. */
export function assertResolving(engine: ExecutionEngine): asserts engine is ResolvingEngine {
  if (!engine.resolveSource) throw new UsageError('a gateway needs an engine with resolveSource');
}

/** What becomes of subscriptions. */
export interface Registrar {
  /** Keeps one as data, or refuses it. */
  register(registration: Registration): Promise<Refused | undefined>;
  /** Its snapshot, if it has one, was read: nothing more comes of it in this call. */
  parked(): void;
}

/** `engine`, but subscriptions are handed to `registrar`, and their sources are never opened. */
export function createRegisteringEngine(
  engine: ResolvingEngine,
  registrar: Registrar,
): ExecutionEngine {
  return {
    findsDocuments: engine.findsDocuments === true,
    prepare: (schema, request) => engine.prepare(schema, request),
    execute: (prepared, input) => engine.execute(prepared, input),
    async subscribe(prepared, input) {
      const resolved = await engine.resolveSource(prepared, input);
      if (resolved.kind === 'refused') return resolved;
      const refused = await registrar.register({ prepared, resolved, input });
      return refused ?? park(resolved, () => registrar.parked());
    },
  };
}

/** A subscription that gives its snapshot, and then waits for nothing: whoever started it leaves it, and its events find their way without it. */
function park(resolved: ResolvedSubscription, parked: () => void): StartedSubscription {
  const executor = resolved.detach();
  const { stream } = resolved;
  const snapshot = isSharable(stream) ? createSnapshotReader(stream.steps) : undefined;
  const next = async (): Promise<SourceItem<unknown> | undefined> => {
    const item = await snapshot?.read();
    if (item) return item;
    parked();
    return new Promise(() => {});
  };
  const release = async (): Promise<void> => snapshot?.close();
  return {
    kind: 'started',
    field: resolved.field.name,
    pace: 'pull',
    source: createSourceReader({ next, release }),
    execute: (event, context) => executor.execute(event, context),
    failEvent: (error) => executor.failEvent(error),
  };
}
