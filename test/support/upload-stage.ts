import { EventEmitter } from 'node:events';

import {
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql';
import type {
  HttpRequest,
  HttpResponse,
  Server,
  ServerOptions,
  UploadedFile,
} from 'millrace/server';
import { GraphQLUpload } from 'millrace/server';
import type { VirtualClock } from 'millrace/testing';

import { bytesOf } from './chunks.ts';
import { converse } from './conversation.ts';
import { until } from './waiting.ts';

/** A part of a form, in text. */
export interface FormPart {
  readonly name: string;
  readonly content: string;
  readonly fileName?: string;
  readonly type?: string;
}

export const boundary = 'b0und';

/** The text of one part, with the delimiter before it. */
export function partText({ name, content, fileName, type }: FormPart): string {
  const file = fileName === undefined ? '' : `; filename="${fileName}"`;
  const contentType = type === undefined ? '' : `\r\nContent-Type: ${type}`;
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}${contentType}\r\n\r\n${content}\r\n`;
}

/** The text of a whole form. */
export function formText(parts: readonly FormPart[]): string {
  return `${parts.map(partText).join('')}--${boundary}--\r\n`;
}

/** The parts of a request that puts files in places of its variables. */
export function requestParts(
  operations: object,
  map: object,
  files: readonly Omit<FormPart, 'fileName'>[] = [],
): readonly FormPart[] {
  return [
    { name: 'operations', content: JSON.stringify(operations) },
    { name: 'map', content: JSON.stringify(map) },
    ...files.map((file) => ({ fileName: `${file.name}.txt`, type: 'text/plain', ...file })),
  ];
}

/** A body that comes when it is told to, and counts what was read of it. */
export class FormBody {
  readonly #pieces: Uint8Array[] = [];
  readonly #news = new EventEmitter();
  #end: 'open' | 'ended' | 'cut' = 'open';
  /** What somebody has asked for and got. */
  bytesRead = 0;
  /** Somebody wants no more. */
  isReturned = false;

  /** Comes as one piece, or in pieces of `size`. */
  send(text: string | Uint8Array, size = Infinity): this {
    const bytes = typeof text === 'string' ? bytesOf(text) : text;
    const step = Math.min(size, bytes.length);
    for (let at = 0; at < bytes.length; at += step)
      this.#pieces.push(bytes.subarray(at, at + step));
    this.#news.emit('news');
    return this;
  }

  end(): this {
    return this.#finish('ended');
  }

  /** The client leaves. */
  cut(): this {
    return this.#finish('cut');
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece) {
          this.bytesRead += piece.length;
          yield piece;
        } else if (this.#end === 'ended') return;
        else if (this.#end === 'cut') throw new Error('the client left');
        else await new Promise((resolve) => this.#news.once('news', resolve));
      }
    } finally {
      this.isReturned = true;
    }
  }

  #finish(end: 'ended' | 'cut'): this {
    this.#end = end;
    this.#news.emit('news');
    return this;
  }
}

/** What a test calls inside the resolver of the field `act`. */
export type Act = (file: Promise<UploadedFile>, step: number) => Promise<unknown>;

/** A server that takes files, and requests to it in memory. */
export interface UploadStage {
  readonly server: Server;
  readonly clock: VirtualClock;
  readonly hidden: readonly string[];
  /** Asks with a body that may still be on its way. */
  ask(body: FormBody, more?: AskOptions): Promise<HttpResponse>;
  /** Asks with a whole form; `json` is the answer. */
  post(parts: readonly FormPart[], more?: AskOptions): Promise<Answer>;
}

export interface AskOptions {
  readonly method?: string;
  readonly url?: string;
  /** `undefined` leaves a header out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

async function describe(file: Promise<UploadedFile> | null | undefined): Promise<unknown> {
  if (!file) return null;
  const arrived = await file;
  const text = await arrived.text();
  return { name: arrived.name, type: arrived.type, text, size: arrived.size };
}

const FileType = new GraphQLObjectType({
  name: 'File',
  fields: {
    name: { type: GraphQLString },
    type: { type: GraphQLString },
    text: { type: GraphQLString },
    size: { type: GraphQLInt },
  },
});
const Attachment = new GraphQLInputObjectType({
  name: 'Attachment',
  fields: { blob: { type: GraphQLUpload } },
});
const Letter = new GraphQLInputObjectType({
  name: 'Letter',
  fields: { attachments: { type: new GraphQLList(Attachment) } },
});

interface Attached {
  readonly blob?: Promise<UploadedFile>;
}

interface Args {
  readonly file: Promise<UploadedFile>;
  readonly files: readonly Promise<UploadedFile>[];
  readonly letter: { readonly attachments: readonly Attached[] };
  readonly step?: number;
}

type Fields = ConstructorParameters<typeof GraphQLObjectType<unknown, unknown, Args>>[0]['fields'];

function typeOf(name: string, fields: Fields) {
  return new GraphQLObjectType({ name, fields });
}

/** Fields that take files in every way, and one that does with them what `act` does. */
export function uploadSchema(act: Act = () => Promise.resolve(null)): GraphQLSchema {
  const hello = { type: GraphQLString, resolve: () => 'world' };
  const file = { type: GraphQLUpload };
  const put = {
    type: FileType,
    args: { file },
    resolve: (_: unknown, args: Args) => describe(args.file),
  };
  return new GraphQLSchema({
    query: typeOf('Query', { hello, file: put }),
    mutation: typeOf('Mutation', {
      hello,
      put,
      putAll: {
        type: new GraphQLList(FileType),
        args: { files: { type: new GraphQLList(GraphQLUpload) } },
        async resolve(_, { files }) {
          const described: unknown[] = [];
          for (const each of files) described.push(await describe(each));
          return described;
        },
      },
      mail: {
        type: new GraphQLList(FileType),
        args: { letter: { type: Letter } },
        resolve: (_, { letter }) =>
          Promise.all(letter.attachments.map((attached: Attached) => describe(attached.blob))),
      },
      act: {
        type: GraphQLString,
        args: { file, step: { type: GraphQLInt } },
        resolve: (_, args) => act(args.file, args.step ?? 0),
      },
    }),
    subscription: typeOf('Subscription', {
      watch: { type: GraphQLString, args: { file } },
    }),
  });
}

/** Starts a server with `act` behind the field of that name. */
export function stageUploads(act?: Act, options: Partial<ServerOptions> = {}): UploadStage {
  const { server, clock, hidden } = converse({
    uploads: true,
    ...options,
    schema: uploadSchema(act),
  });
  const ask: UploadStage['ask'] = (body, { headers, ...more } = {}) => {
    const request: HttpRequest = {
      method: 'POST',
      url: '/graphql',
      headers: {
        'content-type': `multipart/form-data; boundary=${boundary}`,
        accept: 'application/json',
        'graphql-require-preflight': '1',
        ...headers,
      },
      body: () => Promise.reject(new Error('nobody reads a form whole')),
      chunks: () => body.chunks(),
      ...more,
    };
    return server.handleRequest(request);
  };
  return {
    server,
    clock,
    hidden,
    ask,
    async post(parts, more) {
      const response = await ask(new FormBody().send(formText(parts)).end(), more);
      return toAnswer(response);
    },
  };
}

export function toAnswer(response: HttpResponse): Answer {
  if (response.kind !== 'whole') throw new Error('the answer is a stream');
  return { status: response.status, json: JSON.parse(response.body) };
}

/** Resolves once nothing more is read of `body` by itself. */
export async function untilIdle(body: FormBody, clock: VirtualClock): Promise<void> {
  let before = -1;
  await until(() => {
    const isIdle = before === body.bytesRead;
    before = body.bytesRead;
    return isIdle;
  }, 'the body waits');
  await clock.settle();
}
