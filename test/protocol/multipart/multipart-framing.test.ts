import { describe, expect, it } from 'vitest';

import { multipartFraming } from '../../../src/protocol/multipart/multipart-framing.ts';

const delimiter = '\r\n--graphql';
const header = '\r\ncontent-type: application/json\r\n\r\n';

describe('the framing of multipart responses', () => {
  it('MP-3 names its boundary and subscriptionSpec=1.0, both without quotes', () => {
    expect(multipartFraming.contentType).toBe(
      'multipart/mixed;boundary=graphql;subscriptionSpec=1.0',
    );
  });

  it('begins with a delimiter, without preamble, and a heartbeat', () => {
    expect(multipartFraming.opening).toBe(`${delimiter}${header}{}${delimiter}`);
  });

  it('MP-10 writes the delimiter together with the part that it closes', () => {
    const heartbeat = `${header}{}${delimiter}`;
    const result = `${header}{"payload":{"data":{"tick":1}}}${delimiter}`;

    expect(multipartFraming.heartbeat).toBe(heartbeat);
    expect(multipartFraming.result('{"data":{"tick":1}}')).toBe(result);
  });

  it('turns the delimiter before it into the closing one', () => {
    expect(multipartFraming.complete()).toBe('--\r\n');
  });

  it('MP-8 reports errors beside a payload of null, without places in a document, and ends', () => {
    const error = {
      message: 'gone',
      locations: [{ line: 1, column: 2 }],
      path: ['tick'],
      extensions: { code: 'SOURCE_FAILED' },
    };
    const body =
      '{"payload":null,"errors":[{"message":"gone","extensions":{"code":"SOURCE_FAILED"}}]}';

    expect(multipartFraming.error([error])).toBe(`${header}${body}${delimiter}--\r\n`);
  });

  it('reports errors whose extensions JSON cannot hold by their messages', () => {
    expect(multipartFraming.error([{ message: 'no', extensions: { big: 1n } }])).toBe(
      `${header}{"payload":null,"errors":[{"message":"no"}]}${delimiter}--\r\n`,
    );
  });

  it('MP-12 a whole body is what RFC 2046 describes, line by line', () => {
    const body =
      multipartFraming.opening +
      multipartFraming.result('{"data":1}') +
      multipartFraming.complete();

    expect(body.split('\r\n')).toEqual([
      '',
      '--graphql',
      'content-type: application/json',
      '',
      '{}',
      '--graphql',
      'content-type: application/json',
      '',
      '{"payload":{"data":1}}',
      '--graphql--',
      '',
    ]);
    expect(body.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  it('MP-13 every part has one header, the content type in lower case', () => {
    const body =
      multipartFraming.opening +
      multipartFraming.heartbeat +
      multipartFraming.result('{"data":1}') +
      multipartFraming.error([{ message: 'no' }]);
    const parts = body.split(delimiter).slice(1, -1);

    expect(parts).toHaveLength(4);
    expect(parts.filter((part) => part.startsWith(`${header}{`))).toEqual(parts);
  });
});
