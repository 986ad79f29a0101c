import type { PreparedOperation } from '../execution/index.ts';
import { callbackMediaType, distinctFraming } from '../protocol/index.ts';
import type { Protocol } from '../vocabulary.ts';
import { chooseParts, partsMediaTypes } from './accepted-parts.ts';
import type { AcceptedParts, PartsAnswer } from './accepted-parts.ts';
import { chooseMediaType, parseAccept, weightOf } from './media-type.ts';

/** The media types of a single result. */
export type ResultMediaType = 'application/json' | 'application/graphql-response+json';

/** How an operation is answered over HTTP. */
export type AnswerFormat =
  | { readonly kind: 'json'; readonly mediaType: ResultMediaType }
  | { readonly kind: 'sse' }
  | { readonly kind: 'multipart' }
  | PartsAnswer;

/** What a client accepts of what a server speaks, with the weights that its `Accept` header gives (RFC 9110 section 12.5.1). */
export interface AcceptedFormats {
  readonly json: { readonly mediaType: ResultMediaType; readonly weight: number } | undefined;
  /** 0 if it is not accepted or not spoken. */
  readonly sseWeight: number;
  readonly multipartWeight: number;
  /** Whether event streams are accepted by their name, and not by a wildcard. */
  readonly namesSse: boolean;
  /** Those of `@defer` and `@stream`. */
  readonly parts: AcceptedParts | undefined;
  /** Whether results may be sent to a callback instead. */
  readonly callback: boolean;
}

/** Clients that know nothing of the newer type send wildcards. */
const resultOffers = [
  { mediaType: 'application/graphql-response+json', hasToBeNamed: true },
  { mediaType: 'application/json' },
  { mediaType: 'application/graphql-response+json' },
] as const;

/** Reads an `Accept` header against what the server speaks. */
export function readAccepted(
  accept: string | undefined,
  protocols: readonly Protocol[],
): AcceptedFormats {
  const mediaType = chooseMediaType(accept, resultOffers);
  return {
    json: mediaType && { mediaType, weight: weightOf(accept, mediaType) },
    sseWeight: protocols.includes('sse') ? weightOf(accept, distinctFraming.contentType) : 0,
    multipartWeight: protocols.includes('multipart') ? weightOfMultipart(accept) : 0,
    namesSse: parseAccept(accept).some(
      ({ mediaType: accepted }) => accepted === distinctFraming.contentType,
    ),
    parts: protocols.includes('multipart') ? chooseParts(accept) : undefined,
    callback: protocols.includes('callback') && namesCallback(accept),
  };
}

/** Whether nothing that could be an answer is accepted. */
export function acceptsNothing({
  json,
  sseWeight,
  multipartWeight,
  parts,
}: AcceptedFormats): boolean {
  return json === undefined && sseWeight === 0 && multipartWeight === 0 && parts === undefined;
}

/**
 * How to answer `prepared`; `undefined` if the client accepts nothing that can carry it.
 *
 * @remarks
 * A single result gets JSON unless a stream is liked better. A subscription gets the stream that is liked best, an event stream among equals. What may
 * come in parts gets them as it is liked best, `multipart/mixed` among equals and JSON last, with which it comes whole.
 */
export function chooseFormat(
  accepted: AcceptedFormats,
  prepared: PreparedOperation,
): AnswerFormat | undefined {
  const { json, sseWeight, multipartWeight: multipart } = accepted;
  if (prepared.kind === 'subscription') {
    if (sseWeight > 0 && sseWeight >= multipart) return { kind: 'sse' };
    return multipart > 0 ? { kind: 'multipart' } : undefined;
  }
  if (prepared.isIncremental && wantsParts(accepted)) return choosePartsCarrier(accepted);
  if (json && json.weight >= sseWeight) return { kind: 'json', mediaType: json.mediaType };
  if (sseWeight > 0) return { kind: 'sse' };
  // a single result is JSON to those who read parts: they are made of it
  return accepted.parts && { kind: 'json', mediaType: 'application/json' };
}

/** A wildcard does not say that somebody reads parts. */
function wantsParts({ json, sseWeight, namesSse, parts }: AcceptedFormats): boolean {
  const weight = Math.max(parts?.weight ?? 0, namesSse ? sseWeight : 0);
  return weight > 0 && weight >= (json?.weight ?? 0);
}

function choosePartsCarrier({ sseWeight, parts }: AcceptedFormats): AnswerFormat {
  return parts && parts.weight >= sseWeight ? parts.answer : { kind: 'sse' };
}

/** How to answer what never became an operation: errors are a single result, unless the client wants an event stream and nothing else. */
export function chooseErrorFormat({ json, sseWeight }: AcceptedFormats): AnswerFormat {
  if (sseWeight > (json?.weight ?? 0)) return { kind: 'sse' };
  return { kind: 'json', mediaType: json?.mediaType ?? 'application/json' };
}

/** In words for a client that accepts none of it: all that a server speaks, or what of it can carry `prepared`. */
export function describeOffers(
  { protocols, webSocketProtocols }: OfferedProtocols,
  prepared?: PreparedOperation,
): string {
  const isSubscription = prepared?.kind === 'subscription';
  const mediaTypes = [
    ...(isSubscription ? [] : ['application/graphql-response+json', 'application/json']),
    ...(protocols.includes('sse') ? [distinctFraming.contentType] : []),
    ...(protocols.includes('multipart') ? multipartTypesFor(prepared) : []),
    ...callbackOffer(protocols, prepared),
  ];
  const ways = [
    ...(mediaTypes.length > 0 ? [`Accept: ${mediaTypes.join(' or ')}`] : []),
    ...(webSocketProtocols.length > 0 ? [`WebSocket (${webSocketProtocols.join(', ')})`] : []),
  ];
  return `is served here by ${ways.join(', or by ') || 'nothing'}`;
}

function multipartTypesFor(prepared: PreparedOperation | undefined): readonly string[] {
  if (!prepared || prepared.kind === 'subscription')
    return ['multipart/mixed;subscriptionSpec=1.0'];
  return prepared.isIncremental ? partsMediaTypes : [];
}

function callbackOffer(
  protocols: readonly Protocol[],
  prepared: PreparedOperation | undefined,
): readonly string[] {
  const isOffered = protocols.includes('callback') && prepared?.kind === 'subscription';
  return isOffered ? [callbackMediaType] : [];
}

interface OfferedProtocols {
  readonly protocols: readonly Protocol[];
  readonly webSocketProtocols: readonly Protocol[];
}

/** JSON alone does not: then the client expects a result. */
function namesCallback(accept: string | undefined): boolean {
  return parseAccept(accept).some(
    ({ mediaType, parameters, weight }) =>
      mediaType === 'application/json' && parameters.get('callbackspec') === '1.0' && weight > 0,
  );
}

/** A range for parts in general says nothing about subscriptions; a client that reads them says which version. */
function weightOfMultipart(accept: string | undefined): number {
  const weights = parseAccept(accept)
    .filter(({ mediaType, parameters }) => {
      return mediaType === 'multipart/mixed' && parameters.get('subscriptionspec') === '1.0';
    })
    .map(({ weight }) => weight);
  return Math.max(0, ...weights);
}
