import { listen } from 'millrace/adapters/node';
import type { Running } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { afterEach, expect, it } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { RawConnection, ServerFrame } from '../support/raw-websocket.ts';
import { RawConnections, opcodes, toBytes, upgradeRequest } from '../support/raw-websocket.ts';
import type { RuleStep, WebSocketRule } from './websocket-rules.ts';
import { websocketRules } from './websocket-rules.ts';

const rules = Object.entries<readonly WebSocketRule[]>(websocketRules).flatMap(([id, entries]) =>
  entries.map((rule) => [`${id} ${rule.says}`, rule] as const),
);

const connections = new RawConnections();
let running: Running | undefined;
afterEach(async () => {
  connections.destroyAll();
  await running?.close();
});

it.each(rules)('%s', async (_title, rule) => {
  const stage: Stage = { app: createFixtureApp(), clock: new VirtualClock() };
  const { schema, broker } = stage.app;
  const server = createServer({ ...rule.options, schema, broker, clock: stage.clock });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
  const connection = await connections.open(running.port);

  const trailing = (rule.trailing ?? []).map(toBytes);
  connection.write(Buffer.concat([Buffer.from(upgradeRequest(rule.request ?? {})), ...trailing]));
  const { status = 101, headers = {} } = rule.response ?? {};
  const head = await connection.head();
  expect(head.status).toBe(status);
  for (const [name, lines] of Object.entries(headers)) expect(head.headers[name]).toEqual(lines);

  await connection.body(Number(head.headers['content-length']?.[0] ?? 0));

  for (const step of rule.steps ?? []) await play(step, connection, stage);
});

interface Stage {
  readonly app: FixtureApp;
  readonly clock: VirtualClock;
}

async function play(step: RuleStep, connection: RawConnection, stage: Stage): Promise<void> {
  if ('send' in step) return connection.send(...step.send);
  if ('bytes' in step) return connection.write(step.bytes);
  if ('afterMs' in step) return stage.clock.advance(step.afterMs);
  if ('release' in step) return stage.app.release(step.release);
  if ('ends' in step) expect((await connection.ended()).toString('hex')).toBe('');
  else if ('destroyed' in step) await expectDestroyed(connection);
  else await expectFrame(step, connection);
}

type FrameStep =
  | Extract<RuleStep, Record<'server', unknown> | Record<'pong', unknown> | Record<'ping', unknown>>
  | Extract<RuleStep, Record<'close', unknown> | Record<'closeAfterMessages', unknown>>;

async function expectFrame(step: FrameStep, connection: RawConnection): Promise<void> {
  let frame = await connection.frame();
  expect(frame).toMatchObject({ fin: true, rsv: 0, masked: false });
  if ('server' in step) {
    expect(frame.opcode).toBe(opcodes.text);
    expect(JSON.parse(frame.payload.toString('utf8'))).toEqual(step.server);
  } else if ('pong' in step) {
    expect(frame.opcode).toBe(opcodes.pong);
    expect(frame.payload.toString('utf8')).toBe(step.pong);
  } else if ('ping' in step) {
    expect(frame.opcode).toBe(opcodes.ping);
  } else if ('close' in step) {
    expectClose(frame, step.close);
    if (step.reason !== undefined) expect(reasonOf(frame)).toMatch(step.reason);
  } else {
    while (frame.opcode === opcodes.text) frame = await connection.frame();
    expectClose(frame, step.closeAfterMessages);
  }
}

function expectClose(frame: ServerFrame, code: number | undefined): void {
  expect({ opcode: frame.opcode, code: codeOf(frame) }).toEqual({ opcode: opcodes.close, code });
  expect(frame.payload.length).toBeLessThanOrEqual(125);
  expect(() => reasonOf(frame)).not.toThrow();
}

function codeOf({ payload }: ServerFrame): number | undefined {
  return payload.length < 2 ? undefined : payload.readUInt16BE(0);
}

function reasonOf({ payload }: ServerFrame): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(2));
}

/** Our side stays open all the time, so that only a reset or the server's own end can be the end of it. */
async function expectDestroyed(connection: RawConnection): Promise<void> {
  expect((await connection.ended()).toString('hex')).toBe('');
  connection.socket.end();
  await connection.closed();
}
