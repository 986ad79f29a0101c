import { partsFramings } from '../protocol/index.ts';
import type { IncrementalFormat, ResponseFraming } from '../protocol/index.ts';
import { parseAccept } from './media-type.ts';
import type { MediaRange } from './media-type.ts';

/** An answer in parts as `multipart/mixed`. */
export interface PartsAnswer {
  readonly kind: 'parts';
  readonly format: IncrementalFormat;
  readonly framing: ResponseFraming;
}

/** The parts of `@defer` and `@stream` that a client accepts, and how much it likes them. */
export interface AcceptedParts {
  readonly answer: PartsAnswer;
  readonly weight: number;
}

/** The formats that clients name, the best first. */
const offers = [
  { parameter: 'incrementalspec', version: 'v0.2', format: 'incrementalSpec=v0.2' },
  { parameter: 'deferspec', version: '20220824', format: 'deferSpec=20220824' },
] as const;

/** The media types that a server offers for an answer in parts. */
export const partsMediaTypes: readonly string[] = offers.map(
  ({ format }) => `multipart/mixed;${format}`,
);

/** The parts that an `Accept` header weighs most; among equals the newer format. */
export function chooseParts(accept: string | undefined): AcceptedParts | undefined {
  const accepted = parseAccept(accept)
    .filter(({ mediaType, weight }) => mediaType === 'multipart/mixed' && weight > 0)
    .flatMap(({ parameters, weight }) => {
      const answer = toAnswer(parameters);
      return answer ? [{ answer, weight }] : [];
    });
  return accepted.toSorted((one, other) => other.weight - one.weight || preferred(one, other))[0];
}

function toAnswer(parameters: MediaRange['parameters']): PartsAnswer | undefined {
  const named = offers.find(({ parameter, version }) => parameters.get(parameter) === version);
  if (named) return { kind: 'parts', format: named.format, framing: partsFramings[named.format] };
  // what is meant for subscriptions, or a version that nobody knows here
  if ([...parameters.keys()].some((name) => name !== 'boundary')) return undefined;
  // clients that name no version read the older format at least
  return { kind: 'parts', format: 'deferSpec=20220824', framing: partsFramings.unnamed };
}

const order: readonly ResponseFraming[] = Object.values(partsFramings);

function preferred(one: AcceptedParts, other: AcceptedParts): number {
  return order.indexOf(one.answer.framing) - order.indexOf(other.answer.framing);
}
