import type { EmitterOptions, EmitterState } from '../../../src/protocol/callback/emitter.ts';
import { CallbackEmitter } from '../../../src/protocol/callback/emitter.ts';
import { emitterTransitions } from '../../../src/protocol/callback/emitter-transitions.ts';
import type { EmitterEvent } from '../../../src/protocol/callback/emitter-transitions.ts';
import { transitionContract } from '../../support/transition-contract.ts';
import type { Cause } from '../../support/transition-contract.ts';
import { emitterOptions, replyWith, subscriptionWith } from './emitter-parts.ts';

/** An emitter, and the instant of the last thing that happened to it. */
interface EmitterDriver {
  readonly emitter: CallbackEmitter;
  now: number;
}

type EmitterCause = Cause<EmitterDriver, Partial<EmitterOptions>>;

const off = Number.POSITIVE_INFINITY;

function checking(options: Partial<EmitterOptions>): EmitterDriver {
  const emitter = new CallbackEmitter(subscriptionWith({ heartbeatIntervalMs: 5_000 }), {
    ...emitterOptions,
    ...options,
  });
  emitter.open(0);
  return { emitter, now: 0 };
}

function quiet(options: Partial<EmitterOptions>): EmitterDriver {
  const driver = checking(options);
  driver.emitter.replied('check', replyWith(204), 0);
  return driver;
}

function sending(options: Partial<EmitterOptions>): EmitterDriver {
  const driver = quiet(options);
  driver.emitter.next('result', 0);
  return driver;
}

function ending(options: Partial<EmitterOptions>): EmitterDriver {
  const driver = quiet(options);
  driver.emitter.end('end', 0);
  return driver;
}

function closed(options: Partial<EmitterOptions>): EmitterDriver {
  const driver = quiet(options);
  driver.emitter.cancel();
  return driver;
}

/** An answer to what is under way: the first check, or an event. */
function answeredBy(status: number): EmitterCause {
  return {
    apply: ({ emitter, now }) => {
      const lane = emitter.state === 'checking' ? 'check' : 'event';
      return emitter.replied(lane, replyWith(status), now);
    },
  };
}

transitionContract(
  'callback emitter',
  emitterTransitions,
  {
    reach: { checking, quiet, sending, ending, closed } satisfies Record<EmitterState, unknown>,
    cause: {
      result: { apply: ({ emitter }) => emitter.next('another', 0) },
      'source ends': { apply: ({ emitter }) => emitter.end('end', 0) },
      'check accepted': { apply: ({ emitter }) => emitter.replied('check', replyWith(204), 0) },
      accepted: { apply: ({ emitter }) => emitter.replied('event', replyWith(200), 0) },
      gone: answeredBy(404),
      refused: answeredBy(400),
      failed: answeredBy(503),
      'failed too often': { ...answeredBy(503), options: { attempts: 1 } },
      'heartbeat due': {
        options: { timeoutMs: off },
        apply: ({ emitter }) => emitter.tick(4_000),
      },
      'no answer in time': {
        options: { heartbeatMaxMs: off, timeoutMs: 1_000 },
        apply: ({ emitter }) => emitter.tick(1_000),
      },
      'pause over': {
        options: { timeoutMs: off },
        apply(driver) {
          answeredBy(503).apply(driver);
          return driver.emitter.tick(100);
        },
      },
      'closing time over': {
        options: { timeoutMs: off },
        apply({ emitter }) {
          emitter.hurry(-2_000);
          return emitter.tick(3_000);
        },
      },
      cancel: { apply: ({ emitter }) => emitter.cancel() },
    } satisfies Record<EmitterEvent, EmitterCause>,
    stateOf: ({ emitter }) => emitter.state,
  },
  {},
);
