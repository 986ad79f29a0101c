import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A frame as a test writes it: whole and masked unless it says otherwise. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  /** @defaultValue true */
  readonly fin?: boolean;
  /** The three reserved bits as a number, RSV1 the highest. @defaultValue 0 */
  readonly rsv?: number;
  /** @defaultValue true */
  readonly masked?: boolean;
  /** What the header says of the length, if not the truth. */
  readonly declaredBytes?: number;
}

/** A frame as a server wrote it. */
export interface ServerFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** The head of an HTTP response. */
export interface ResponseHead {
  readonly status: number;
  /** By lower-case name, every line of it. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

const patienceMs = 5_000;
const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** The bytes of `frame` (RFC 6455 section 5.2), however wrong it is. */
export function toBytes(frame: ClientFrame): Buffer {
  const { opcode, fin = true, rsv = 0, masked = true } = frame;
  const payload = Buffer.from(frame.payload ?? '');
  const length = frame.declaredBytes ?? payload.length;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  return Buffer.concat([
    Buffer.from([first]),
    lengthBytes(length, maskBit),
    masked ? mask : Buffer.alloc(0),
    masked ? payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)) : payload,
  ]);
}

function lengthBytes(length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.from([maskBit | length]);
  if (length < 65_536) return Buffer.from([maskBit | 126, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(9);
  bytes[0] = maskBit | 127;
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** A text frame with the JSON of `message`. */
export function textFrame(message: unknown): ClientFrame {
  return { opcode: opcodes.text, payload: JSON.stringify(message) };
}

/** A close frame; without `code` an empty one. */
export function closeFrame(code?: number, reason: string | Uint8Array = ''): ClientFrame {
  if (code === undefined) return { opcode: opcodes.close };
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
  return { opcode: opcodes.close, payload };
}

/** A TCP connection that says nothing by itself: it answers neither pings nor closes, nor the end of the other side. */
export class RawConnection {
  readonly socket: Socket;
  readonly #changes = new EventEmitter();
  #received: Buffer = Buffer.alloc(0);
  #hasEnded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#changes.setMaxListeners(0);
    const changed = (): void => void this.#changes.emit('change');
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      changed();
    });
    socket.on('end', () => {
      this.#hasEnded = true;
      changed();
    });
    socket.on('error', () => {}); // resets are what some tests provoke; 'close' follows
    socket.on('close', () => {
      this.#hasEnded = true;
      changed();
    });
  }

  /** Sends frames in one segment. */
  send(...frames: readonly ClientFrame[]): void {
    this.write(Buffer.concat(frames.map(toBytes)));
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next response head. */
  async head(): Promise<ResponseHead> {
    const end = await this.#until(() => indexOrNothing(this.#received.indexOf('\r\n\r\n')));
    const [statusLine = '', ...lines] = this.#take(end + 4)
      .toString('latin1')
      .trim()
      .split('\r\n');
    const headers: Record<string, string[]> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      (headers[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim());
    }
    return { status: Number(statusLine.split(' ')[1]), headers };
  }

  /** The next `length` bytes after a head. */
  async body(length: number): Promise<string> {
    await this.#until(() => (this.#received.length >= length ? true : undefined));
    return this.#take(length).toString('utf8');
  }

  /** What comes up to `text`, and that. */
  async through(text: string): Promise<string> {
    const end = await this.#until(() => indexOrNothing(this.#received.indexOf(text)));
    return this.#take(end + text.length).toString('utf8');
  }

  /** The next frame; rejects if the server ends the connection instead. */
  async frame(): Promise<ServerFrame> {
    const { frame, length } = await this.#until(() => parseFrame(this.#received));
    this.#take(length);
    return frame;
  }

  /** Resolves with what was not read once the server has sent its last byte. */
  async ended(): Promise<Buffer> {
    await this.#until(() => (this.#hasEnded ? true : undefined), 'mayEnd');
    return this.#take(this.#received.length);
  }

  /** Ends the connection as a peer that crashed: with a reset, without a close frame. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  async #until<Value>(look: () => Value | undefined, atEnd?: 'mayEnd'): Promise<Value> {
    const signal = AbortSignal.timeout(patienceMs);
    for (;;) {
      const value = look();
      if (value !== undefined) return value;
      if (this.#hasEnded && !atEnd) {
        throw new Error(
          `the server ended the connection, unread: ${this.#received.toString('latin1')}`,
        );
      }
      await once(this.#changes, 'change', { signal });
    }
  }
}

function indexOrNothing(index: number): number | undefined {
  return index < 0 ? undefined : index;
}

function parseFrame(
  bytes: Buffer,
): { readonly frame: ServerFrame; readonly length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < 2 + lengthSize) return undefined;
  const payloadBytes =
    lengthSize === 0 ? short : bytes.readUIntBE(lengthSize === 8 ? 4 : 2, lengthSize === 8 ? 6 : 2);
  const start = 2 + lengthSize;
  if (bytes.length < start + payloadBytes) return undefined;
  return {
    frame: {
      fin: (first & 0x80) !== 0,
      rsv: (first >> 4) & 7,
      opcode: first & 0x0f,
      masked: (second & 0x80) !== 0,
      payload: bytes.subarray(start, start + payloadBytes),
    },
    length: start + payloadBytes,
  };
}

/** Opens TCP connections and destroys them all at the end of a test. */
export class RawConnections {
  readonly #opened: RawConnection[] = [];

  async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const connection = new RawConnection(socket);
    this.#opened.push(connection);
    await once(socket, 'connect');
    return connection;
  }

  /** Opens one and upgrades it; rejects unless the server agrees. */
  async upgrade(port: number, request: UpgradeRequest = {}): Promise<RawConnection> {
    const connection = await this.open(port);
    connection.write(upgradeRequest(request));
    const { status } = await connection.head();
    if (status !== 101) throw new Error(`the upgrade was answered with ${status}`);
    return connection;
  }

  destroyAll(): void {
    for (const { socket } of this.#opened.splice(0)) socket.destroy();
  }
}

/** A request to upgrade. `headers` replace lines of a correct one by name: `null` leaves one out, a list repeats it. */
export interface UpgradeRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
}

/** The text of an upgrade request. */
export function upgradeRequest({
  method = 'GET',
  path = '/graphql',
  headers = {},
}: UpgradeRequest): string {
  const lines = Object.entries({
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'graphql-transport-ws',
    ...headers,
  }).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((line) => `${name}: ${line}\r\n`),
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
