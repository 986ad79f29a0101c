import { VirtualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { Counters } from '../../../src/server/counters.ts';
import { Deadlines } from '../../../src/server/deadlines.ts';
import { LiveSessions } from '../../../src/server/sessions/live-sessions.ts';
import type { SessionEnd } from '../../../src/server/sessions/session-lease.ts';
import { never } from '../../../src/vocabulary.ts';

function stage() {
  const clock = new VirtualClock();
  const counters = new Counters();
  const deadlines = new Deadlines(clock);
  const sessions = new LiveSessions({ deadlines, counters, now: () => 5_000 + clock.now() });
  return { clock, counters, deadlines, sessions };
}

/** Holds a session until it ends. */
class Holder {
  readonly ends: SessionEnd[] = [];
  readonly isBusy = false;
  readonly #outlives: SessionEnd | undefined;

  /** @param outlives - an end that it goes on after */
  constructor(outlives?: SessionEnd) {
    this.#outlives = outlives;
  }

  cut(): void {}

  endSession(end: SessionEnd): boolean {
    this.ends.push(end);
    return end !== this.#outlives;
  }
}

const all = (): boolean => true;

describe('a session', () => {
  it('that is revoked between the answer of its hook and whoever holds it ends when that does', () => {
    const { sessions } = stage();
    const lease = sessions.begin().accept({}, never);
    const holder = new Holder();

    expect(sessions.revoke(all)).toBe(1);
    lease?.hold(holder);

    expect(holder.ends).toEqual(['SESSION_REVOKED']);
  });

  it('is refused if it was revoked while its hook ran, and only then', () => {
    const { sessions, counters } = stage();
    const [early, late] = [sessions.begin(), sessions.begin()];
    sessions.revoke(({ session }) => 'isMeant' in session);

    expect(early.accept({ isMeant: true }, never)).toBeUndefined();
    expect(late.accept({}, never)).toBeDefined();
    expect(sessions.begin().accept({ isMeant: true }, never)).toBeDefined();
    expect(counters.revokedSessions).toBe(1);
  });

  it('is refused if more was revoked meanwhile than is remembered', () => {
    const { sessions } = stage();
    const early = sessions.begin();
    for (let i = 0; i < 1_001; i += 1) sessions.revoke(() => false);
    const late = sessions.begin();
    sessions.revoke(() => false);

    expect(early.accept({}, never)).toBeUndefined();
    expect(late.accept({}, never)).toBeDefined();
  });

  it('that nobody accepted leaves nothing to be remembered', () => {
    const { sessions } = stage();
    const attempt = sessions.begin();
    attempt.abandon();
    attempt.abandon();
    sessions.revoke(all);

    expect(sessions.begin().accept({}, never)).toBeDefined();
  });

  it('knows since when it is there, for revocations that come late', () => {
    const { sessions, clock } = stage();
    void clock.advance(7);
    const since: number[] = [];
    const attempt = sessions.begin();
    attempt.accept({}, never);

    sessions.revoke((term) => since.push(term.since) > 0);

    expect(since).toEqual([attempt.since]);
    expect(attempt.since).toBeGreaterThanOrEqual(5_000);
  });

  it('that is revoked on its way to who renews by it ends that one', () => {
    const { sessions } = stage();
    const holder = new Holder();
    const lease = sessions.begin().accept({ token: 1 }, 1_000);
    const next = sessions.begin().accept({ token: 2 }, 2_000);
    if (!lease || !next) throw new Error('nobody revoked them');
    lease.hold(holder);

    sessions.revoke(({ session }) => (session as { readonly token: number }).token === 2);
    lease.renew(next);

    expect(holder.ends).toEqual(['SESSION_REVOKED']);
  });

  it('expires once, and is renewed as long as it has not ended', async () => {
    const { sessions, clock, deadlines } = stage();
    const holder = new Holder();
    const lease = sessions.begin().accept({}, 1_000);
    const later = sessions.begin().accept({ isRenewed: true }, 3_000);
    if (!lease || !later) throw new Error('nobody revoked them');
    lease.hold(holder, 500);
    later.end();

    await clock.advance(900);
    lease.renew(later);
    await clock.advance(2_500);
    expect([holder.ends, lease.session]).toEqual([[], { isRenewed: true }]);
    await clock.advance(200);
    expect(holder.ends).toEqual(['CREDENTIALS_EXPIRED']);

    lease.end();
    lease.end();
    const last = sessions.begin().accept({}, 9_000);
    if (!last) throw new Error('nobody revoked it');
    lease.renew(last);
    await clock.advance(20_000);
    expect(holder.ends).toEqual(['CREDENTIALS_EXPIRED']);
    expect([deadlines.size, clock.timerCount, sessions.all()]).toEqual([0, 0, []]);
  });

  it('whose socket is still closing is not revoked again, and does not expire', async () => {
    const { sessions, counters, clock } = stage();
    const holder = new Holder();
    sessions.begin().accept({}, 1_000)?.hold(holder);

    expect([sessions.revoke(all), sessions.revoke(all)]).toEqual([1, 0]);
    await clock.advance(2_000);
    expect(holder.ends).toEqual(['SESSION_REVOKED']);
    expect([counters.revokedSessions, counters.expiredSessions]).toEqual([1, 0]);
  });

  it('that has expired while its socket is still closing is not revoked', async () => {
    const { sessions, counters, clock } = stage();
    const holder = new Holder();
    sessions.begin().accept({}, 1_000)?.hold(holder);
    await clock.advance(2_000);

    expect(sessions.revoke(all)).toBe(0);
    expect(holder.ends).toEqual(['CREDENTIALS_EXPIRED']);
    expect([counters.revokedSessions, counters.expiredSessions]).toEqual([0, 1]);
  });

  it('that has expired is revoked if an answer that is no stream goes on', async () => {
    const { sessions, counters, clock } = stage();
    const holder = new Holder('CREDENTIALS_EXPIRED');
    sessions.begin().accept({}, 1_000)?.hold(holder);
    await clock.advance(2_000);

    expect([sessions.revoke(all), sessions.revoke(all)]).toEqual([1, 0]);
    expect(holder.ends).toEqual(['CREDENTIALS_EXPIRED', 'SESSION_REVOKED']);
    expect([counters.revokedSessions, counters.expiredSessions]).toEqual([1, 0]);
  });

  it('that expires before somebody holds it ends when that does, or when it takes the place of another', async () => {
    const { sessions, counters, clock } = stage();
    const [late, renewed] = [new Holder(), new Holder()];
    const lease = sessions.begin().accept({}, 1_000);
    const next = sessions.begin().accept({}, 1_000);
    const lasting = sessions.begin().accept({}, 9_000);
    if (!lease || !next || !lasting) throw new Error('nobody revoked them');
    lasting.hold(renewed);
    await clock.advance(2_000);
    expect(counters.expiredSessions).toBe(0);

    lease.hold(late);
    lasting.renew(next);

    expect([late.ends, renewed.ends]).toEqual([['CREDENTIALS_EXPIRED'], ['CREDENTIALS_EXPIRED']]);
    expect(counters.expiredSessions).toBe(2);
  });
});
