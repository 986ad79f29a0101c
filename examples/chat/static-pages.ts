import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

interface Page {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers a request for `pathname`. */
export type ServePage = (
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
) => void;

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
};

/** Reads all built pages, so that nothing but them can ever be served. */
export async function loadPages(folder: URL): Promise<ServePage> {
  const root = fileURLToPath(folder);
  const pages = new Map<string, Page>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    pages.set(toAddress(path.relative(root, file)), await toPage(file));
  }
  return (pathname, request, response) => {
    const page = pages.get(pathname.startsWith('/rooms/') ? '/' : pathname.replace(/(.)\/$/, '$1'));
    if (page === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found\n');
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else {
      response.writeHead(200, page.headers).end(request.method === 'HEAD' ? undefined : page.body);
    }
  };
}

/** `graphiql/index.html` is served at `/graphiql`. */
function toAddress(file: string): string {
  return `/${file.split(path.sep).join('/')}`.replace(/(.)?\/index\.html$/, '$1') || '/';
}

async function toPage(file: string): Promise<Page> {
  const body = await readFile(file);
  const isHashed = path.basename(path.dirname(file)) === 'assets';
  return {
    body,
    headers: {
      'content-type': mediaTypes[path.extname(file)] ?? 'application/octet-stream',
      'content-length': String(body.byteLength),
      'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      'x-content-type-options': 'nosniff',
    },
  };
}
