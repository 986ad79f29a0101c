/** Names the incarnation of a log. Short, because every position holds it, and an entry may. */
export function createEpoch(): string {
  return crypto.randomUUID().slice(-12);
}
