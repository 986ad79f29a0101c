import type { FormattedError, FormattedResult } from 'millrace';
import { toOperationId } from 'millrace/client/websocket';
import type { ClientProtocol, IncomingMessage } from 'millrace/client/websocket';

/** What this server says: lists that begin with a word; most name an operation. */
type Row =
  | readonly ['welcome', Readonly<Record<string, unknown>>?]
  | readonly ['refused', string]
  | readonly ['row', string, FormattedResult]
  | readonly ['failed', string, readonly FormattedError[]]
  | readonly ['end', string];

/** A protocol of one's own: JSON lists in place of objects. */
export const rows: ClientProtocol = {
  name: 'rows',
  subprotocol: 'rows.example',
  isStrict: true,
  encodeInit: (connectionParams) => JSON.stringify(['hello', connectionParams ?? {}]),
  encodeStart: (id, request) => JSON.stringify(['start', id, request]),
  encodeStop: (id) => JSON.stringify(['stop', id]),
  // what throws in here, and what gives `undefined`, is a message that the protocol does not know
  decode: (frame) => toMessage(JSON.parse(String(frame)) as Row), // the server is of our own making
};

function toMessage(row: Row): IncomingMessage | undefined {
  switch (row[0]) {
    case 'welcome':
      return { type: 'connection_ack', ...(row[1] && { payload: row[1] }) };
    case 'refused':
      return { type: 'connection_error', payload: row[1] };
    case 'row':
      return { type: 'next', id: toOperationId(row[1]), payload: row[2] };
    case 'failed':
      return { type: 'error', id: toOperationId(row[1]), payload: row[2] };
    case 'end':
      return { type: 'complete', id: toOperationId(row[1]) };
    default:
      return undefined;
  }
}
