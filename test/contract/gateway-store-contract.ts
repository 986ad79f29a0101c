import type { GatewayStore } from 'millrace/adapters/gateway';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A store for one test. */
export interface StoreUnderTest {
  readonly store: GatewayStore;
  close(): Promise<void>;
}

const isOdd = (token: string): boolean => /[13579]$/.test(token);

/** What a gateway relies on. */
export function gatewayStoreContract(name: string, create: () => Promise<StoreUnderTest>): void {
  const later = Date.now() + 3_600_000;
  const place = { topic: 'topic', key: 'key' };
  const subscription = (
    token: string,
    text = token,
  ): Parameters<GatewayStore['addSubscription']>[0] => ({
    place,
    token,
    text,
    expiresAt: later,
  });

  describe(`the gateway store ${name}`, () => {
    let under: StoreUnderTest;
    let store: GatewayStore;

    beforeEach(async () => {
      under = await create();
      ({ store } = under);
    });
    afterEach(() => under.close());

    const list = async (
      at = place,
      onPage: (texts: readonly string[]) => Promise<unknown> = async () => {},
    ): Promise<readonly string[]> => {
      const texts: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.listSubscriptions(at, cursor);
        texts.push(...page.texts);
        await onPage(page.texts);
        ({ cursor } = page);
      } while (cursor !== undefined);
      return texts;
    };

    it('knows nothing of a connection that was not written', async () => {
      expect(await store.readConnection('a')).toBeUndefined();
      expect(await store.removeConnection('a')).toBeUndefined();
    });

    it('gives what was written last', async () => {
      const text = '{"text":"Straße ✓ 🚰\\u0000\\n"}';
      await store.writeConnection('a', { version: 1, text: 'first' }, later);
      await store.writeConnection('a', { version: 2, text }, later);

      expect(await store.readConnection('a')).toEqual({ version: 2, text });
    });

    it('takes one of several writes of the same version', async () => {
      const writes = await Promise.all(
        ['x', 'y', 'z'].map((text) => store.writeConnection('a', { version: 1, text }, later)),
      );

      expect(writes.filter(Boolean)).toHaveLength(1);
      expect((await store.readConnection('a'))?.text).toBe(['x', 'y', 'z'][writes.indexOf(true)]);
    });

    it('takes no version whose predecessor is not there', async () => {
      expect(await store.writeConnection('a', { version: 2, text: 'x' }, later)).toBe(false);
      await store.writeConnection('a', { version: 1, text: 'x' }, later);
      await store.removeConnection('a');
      expect(await store.writeConnection('a', { version: 2, text: 'x' }, later)).toBe(false);
      expect(await store.readConnection('a')).toBeUndefined();
    });

    it('gives the last text of a connection to one of those who remove it', async () => {
      await store.writeConnection('a', { version: 1, text: 'x' }, later);

      const removals = await Promise.all([
        store.removeConnection('a'),
        store.removeConnection('a'),
      ]);

      expect(removals.toSorted()).toEqual(['x', undefined]);
    });

    it('gives each of many subscriptions', async () => {
      const tokens = Array.from({ length: 1_200 }, (_, i) => `token-${i}`);
      await Promise.all(tokens.map((token) => store.addSubscription(subscription(token))));

      expect(new Set(await list())).toEqual(new Set(tokens));
    });

    it('gives those that stay, although others are removed between two pages', async () => {
      const tokens = Array.from({ length: 1_200 }, (_, i) => `token-${i}`);
      await Promise.all(tokens.map((token) => store.addSubscription(subscription(token))));

      const listed = await list(place, (texts) =>
        Promise.all(texts.filter(isOdd).map((token) => store.removeSubscription(place, token))),
      );

      expect(listed).toEqual(expect.arrayContaining(tokens.filter((token) => !isOdd(token))));
    });

    it('keeps subscriptions of other keys and topics apart', async () => {
      await store.addSubscription(subscription('x'));
      for (const at of [
        { topic: 'topic', key: '' },
        { topic: 'top', key: 'ic:key' },
        { topic: '', key: 'topic:key' },
        { topic: 'topic:key', key: '' },
      ]) {
        expect(await list(at)).toEqual([]);
      }
    });

    it('gives a subscription to one of those who remove it', async () => {
      await store.addSubscription(subscription('x', 'a text'));

      const removals = await Promise.all([
        store.removeSubscription(place, 'x'),
        store.removeSubscription(place, 'x'),
      ]);

      expect(removals.toSorted()).toEqual(['a text', undefined]);
      expect(await list()).toEqual([]);
    });
  });
}
