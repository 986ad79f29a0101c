import type { FormattedResult } from 'millrace';
import type { ServerGauges, ServerOptions } from 'millrace/server';

import type { IncrementalPayload, PatchPayload } from '../../src/protocol/incremental/payloads.ts';
import { isRefusal } from '../../src/server/refusal.ts';
import type { Carrier, Complaint, Exchange, Heard } from '../support/carriers/carrier.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';
import { mergeParts, mergePatches } from '../support/merge-parts.ts';
import type { Question } from './question.ts';

/** What became of a question on one transport. */
export interface Verdict {
  readonly results: readonly FormattedResult[];
  readonly end: 'completed' | 'left' | 'cut' | readonly Complaint[];
  /** What only the operators learn: where, and the message. */
  readonly hidden: readonly string[];
}

/** A verdict, and what the server did for it. */
export interface Course extends Verdict {
  /** Hooks of the operation that were called, in order. */
  readonly hooks: readonly string[];
  /** Sessions that began and ended. */
  readonly sessions: { readonly begun: number; readonly ended: number };
  /** What the server held when all was over. */
  readonly left: ServerGauges & { readonly sources: number };
}

/** Puts `question` to a server of its own. */
export async function put(question: Question, carrier: Carrier): Promise<Course> {
  const called: string[] = [];
  const conversation = converse({
    ...carrier.options,
    ...question.options,
    ...recordingHooks(question.options, called),
  });
  const exchange = await carrier.ask(conversation, question);
  const { results, end } = await follow(question, conversation, exchange);
  exchange.leave();
  await conversation.clock.advance(carrier.noticesAfterMs ?? 0);
  const count = (hook: string): number => called.filter((name) => name === hook).length;
  const comesInParts = results[0]?.hasNext !== undefined;
  return {
    results: comesInParts ? [putTogether(results)] : results,
    end: typeof end === 'string' ? end : end.errors,
    hidden: conversation.hidden,
    hooks: called
      .filter((name) => !['onConnect', 'onDisconnect'].includes(name))
      // once for each part
      .filter((name, index, all) => !comesInParts || name !== 'onNext' || all[index - 1] !== name),
    sessions: { begun: count('onConnect'), ended: count('onDisconnect') },
    left: { ...conversation.server.gauges(), sources: conversation.app.openSources() },
  };
}

/** Parts in either format as the one result that they come to. */
function putTogether(payloads: readonly FormattedResult[]): FormattedResult {
  const isAnnounced = payloads.some((payload) => 'pending' in payload);
  const { data, errors } = isAnnounced
    ? mergeParts(payloads as readonly IncrementalPayload[])
    : mergePatches(payloads as readonly PatchPayload[]);
  return { data, ...(errors.length > 0 && { errors }) };
}

/** Until the operation ends, or its client has enough. */
async function follow(
  { takes = Number.POSITIVE_INFINITY, whenOpen }: Question,
  { app, clock }: Conversation,
  exchange: Exchange,
): Promise<Required<Heard>> {
  let isTold = whenOpen === undefined;
  for (let waits = 0; waits < 10_000; waits += 1) {
    const { results, end } = await exchange.hear();
    if (end !== undefined) return { results, end };
    if (results.length >= takes) {
      exchange.leave();
      await clock.settle();
      return { results: results.slice(0, takes), end: 'left' };
    }
    if (!isTold && app.openSources() > 0) {
      isTold = true;
      await whenOpen?.(app);
    }
    await clock.turn();
  }
  throw new Error('the operation does not end');
}

/** The hooks of a question, and those that it does not have, so that each call is seen. `onConnect` counts once it has accepted. */
function recordingHooks(
  options: Partial<ServerOptions> = {},
  called: string[],
): Partial<ServerOptions> {
  return {
    async onConnect(event) {
      const answer = await options.onConnect?.(event);
      if (answer !== false && !isRefusal(answer)) called.push('onConnect');
      return answer;
    },
    onSubscribe(event) {
      called.push('onSubscribe');
      return options.onSubscribe?.(event);
    },
    onNext(event) {
      called.push('onNext');
      return options.onNext?.(event);
    },
    onError(event) {
      called.push('onError');
      return options.onError?.(event);
    },
    onComplete(event) {
      called.push('onComplete');
      return options.onComplete?.(event);
    },
    onDisconnect(event) {
      called.push('onDisconnect');
      return options.onDisconnect?.(event);
    },
  };
}
