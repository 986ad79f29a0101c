/** One member of an `Accept` header (RFC 9110 section 12.5.1). */
export interface MediaRange {
  /** `type/subtype`, in lower case; either may be `*`. */
  readonly mediaType: string;
  /** By lower-case name, without the weight. */
  readonly parameters: ReadonlyMap<string, string>;
  /** From 0, not acceptable, to 1. */
  readonly weight: number;
}

/** A media type that a server can answer with. */
export interface MediaTypeOffer<MediaType extends string> {
  readonly mediaType: MediaType;
  /** Whether only a client that names the type gets it; a wildcard is not enough then. @defaultValue false */
  readonly hasToBeNamed?: boolean;
}

/**
 * The offer that a client likes best; `undefined` if it accepts none.
 *
 * @param accept - the header; without one, or with an empty one, everything is accepted
 * @param offers - the best first: it wins among those that the client likes equally well
 */
export function chooseMediaType<MediaType extends string>(
  accept: string | undefined,
  offers: readonly MediaTypeOffer<MediaType>[],
): MediaType | undefined {
  const ranges = parseAccept(accept);
  let best: { readonly mediaType: MediaType; readonly weight: number } | undefined;
  for (const { mediaType, hasToBeNamed = false } of offers) {
    const range = findRange(ranges, mediaType);
    const weight = hasToBeNamed && range?.mediaType !== mediaType ? 0 : (range?.weight ?? 0);
    if (weight > (best?.weight ?? 0)) best = { mediaType, weight };
  }
  return best?.mediaType;
}

/** How much a client likes `mediaType`: from 0, not acceptable, to 1. */
export function weightOf(accept: string | undefined, mediaType: string): number {
  return findRange(parseAccept(accept), mediaType)?.weight ?? 0;
}

/** Reads an `Accept` header; members that are no media range are left out. */
export function parseAccept(accept = ''): readonly MediaRange[] {
  if (accept.trim() === '') return [everything];
  return splitUnquoted(accept, ',').flatMap((member) => toMediaRange(member) ?? []);
}

/** Reads a `Content-Type` header; `undefined` if it is no media type. */
export function parseMediaType(
  contentType: string,
): Pick<MediaRange, 'mediaType' | 'parameters'> | undefined {
  return toMediaRange(contentType);
}

/** Reads a header that is a value with parameters, such as `Content-Disposition`; value and names in lower case. */
export function parseHeaderValue(header: string): {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const [value = '', ...rest] = splitUnquoted(header, ';');
  return { value: value.toLowerCase(), parameters: new Map(rest.map(toParameter)) };
}

const everything: MediaRange = { mediaType: '*/*', parameters: new Map(), weight: 1 };

const mediaRange = /^[!#$%&'*+\-.^_`|~0-9a-z]+\/[!#$%&'*+\-.^_`|~0-9a-z]+$/;

function toMediaRange(member: string): MediaRange | undefined {
  const [type = '', ...rest] = splitUnquoted(member, ';');
  const mediaType = type.toLowerCase();
  if (!mediaRange.test(mediaType)) return undefined;
  const parameters = new Map(rest.map(toParameter));
  const weight = toWeight(parameters.get('q'));
  parameters.delete('q');
  return { mediaType, parameters, weight };
}

function toParameter(text: string): readonly [name: string, value: string] {
  const [name = '', value = ''] = splitUnquoted(text, '=');
  const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  return [name.toLowerCase(), isQuoted ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value];
}

/** A weight that is none counts as a slip of the pen: the client did name the type. */
function toWeight(value: string | undefined): number {
  const weight = value === undefined || value === '' ? 1 : Number(value);
  return weight >= 0 && weight <= 1 ? weight : 1;
}

/** The most specific range decides, whatever the others say: `application/json;q=0, *\/*` excludes JSON. */
function findRange(ranges: readonly MediaRange[], mediaType: string): MediaRange | undefined {
  const [type = ''] = mediaType.split('/');
  for (const candidate of [mediaType, `${type}/*`, '*/*']) {
    const matching = ranges.filter((range) => range.mediaType === candidate);
    const [first, ...others] = matching;
    if (first)
      return others.reduce((best, other) => (other.weight > best.weight ? other : best), first);
  }
  return undefined;
}

/** Splits at `separator` outside of quoted strings (RFC 9110 section 5.6.4) and trims the pieces. */
function splitUnquoted(text: string, separator: string): readonly string[] {
  const pieces: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted && character === '\\') index += 1;
    else if (!isQuoted && character === separator) {
      pieces.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  pieces.push(text.slice(start).trim());
  return pieces;
}
