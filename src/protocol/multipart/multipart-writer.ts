const boundary = 'graphql';

/**
 * Content type of a stream of subscription results.
 *
 * @remarks
 * In this order and without quotes: some readers compare the text.
 */
export const multipartContentType = `multipart/mixed;boundary=${boundary};subscriptionSpec=1.0`;

/**
 * The bytes before the first part (RFC 2046 section 5.1.1).
 *
 * @remarks
 * Every later write ends with the delimiter that closes its part: a reader hands a part out when it sees that.
 */
export const multipartOpening = `\r\n--${boundary}`;

/** One part that holds `json`, with the delimiter that closes it. */
export function encodePart(json: string): string {
  return `\r\ncontent-type: application/json\r\n\r\n${json}\r\n--${boundary}`;
}

/** What turns the delimiter before it into the last one. */
export const multipartEnd = '--\r\n';

/** A part that means nothing but that the stream lives. */
export const multipartHeartbeat: string = encodePart('{}');
