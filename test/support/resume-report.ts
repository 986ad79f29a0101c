/** What came of the token that an attempt brought. */
export type Outcome =
  | { readonly kind: 'fresh' | 'recovered' }
  | { readonly kind: 'gap'; readonly code: 'RESUME_INVALID' | 'RESUME_EXPIRED' | 'RESUME_GAP' };

/** What a server says in `extensions.resume`. */
export interface Report {
  readonly token?: string;
  readonly recovered?: boolean;
  readonly reason?: string;
  /** Results that were dropped. */
  readonly missing?: { readonly from?: string; readonly until?: string; readonly events: number };
}

/** What a server has to say of an outcome, besides a token. */
export function toSaid(outcome: Outcome): object {
  switch (outcome.kind) {
    case 'fresh':
      return { recovered: undefined, reason: undefined };
    case 'recovered':
      return { recovered: true, reason: undefined };
    case 'gap':
      return { recovered: false, reason: outcome.code };
  }
}
