import { http } from 'millrace/client/http';
import { uploads } from 'millrace/client/uploads';
import type { UploadsOptions } from 'millrace/client/uploads';

import { ResponseStage } from './response-stage.ts';
import type { ScriptedRequest } from './scripted-fetch.ts';

/** A transport that carries files, with a test at its other end. */
export function stageForms(options?: UploadsOptions): ResponseStage {
  return new ResponseStage((common) => http({ ...common, uploads: uploads(options) }));
}

/** The fields of the form that a request holds, in their order: JSON, and files. */
export async function fieldsOf({
  init,
  headers,
}: ScriptedRequest): Promise<readonly (readonly [name: string, value: unknown])[]> {
  const { body } = init;
  const form = body instanceof FormData ? body : await parseForm(body, headers);
  const fields = [...form.entries()].map(
    async ([name, value]) => [name, await toValue(value)] as const,
  );
  return Promise.all(fields);
}

function parseForm(body: RequestInit['body'], headers: Headers): Promise<FormData> {
  const type = headers.get('content-type') ?? '';
  return new Response(body ?? null, { headers: { 'content-type': type } }).formData();
}

async function toValue(value: string | File): Promise<unknown> {
  if (typeof value === 'string') return JSON.parse(value);
  return { name: value.name, type: value.type, text: await value.text() };
}
