import { TokenBucket, utf8Length } from '../protocol/index.ts';
import type { Rate } from '../protocol/index.ts';
import type { FormattedError, Instant } from '../vocabulary.ts';
import { limitError } from './admission.ts';
import type { ServerCore } from './core.ts';
import type { EffectiveLimits } from './limits.ts';

/** What the operations of one connection may take of a server: their number, their ids, and how fast they come. */
export class OperationQuota {
  readonly #limits: EffectiveLimits;
  readonly #rate: TokenBucket;

  constructor({ limits }: Pick<ServerCore, 'limits'>, now: Instant) {
    this.#limits = limits;
    this.#rate = new TokenBucket(rateOf(limits), now);
  }

  /**
   * The error that refuses the operation `id`, or nothing: then it counts against the rate.
   *
   * @param operationCount - operations of the connection that have not ended, this one included
   * @param idBytes - UTF-8 bytes of their ids, this one's included
   */
  refuse(
    id: string | number,
    operationCount: number,
    idBytes: number,
    now: Instant,
  ): FormattedError | undefined {
    const limits = this.#limits;
    if (operationCount > limits.operationsPerConnection) {
      const maximum = limits.operationsPerConnection;
      return limitError('TOO_MANY_OPERATIONS', 'operationsPerConnection', maximum);
    }
    if (utf8Length(String(id)) > limits.operationIdBytes) {
      return limitError('OPERATION_ID_TOO_LONG', 'operationIdBytes', limits.operationIdBytes);
    }
    if (idBytes > limits.operationIdBudgetBytes) {
      const maximum = limits.operationIdBudgetBytes;
      return limitError('OPERATION_ID_TOO_LONG', 'operationIdBudgetBytes', maximum);
    }
    if (!this.#rate.take(now)) {
      return limitError('RATE_LIMITED', 'subscribesPerSecond', limits.subscribesPerSecond);
    }
    return undefined;
  }
}

/** One for all connections of a server. */
const rates = new WeakMap<EffectiveLimits, Rate>();

function rateOf(limits: EffectiveLimits): Rate {
  const known = rates.get(limits);
  if (known) return known;
  const rate = { perSecond: limits.subscribesPerSecond, burst: limits.subscribeBurst };
  rates.set(limits, rate);
  return rate;
}
