/**
 * Measures every candidate once per round, so that whatever disturbs the machine for a while disturbs them alike. Each round begins with another candidate.
 *
 * @template Candidate
 * @template Result
 * @param {number} rounds
 * @param {readonly Candidate[]} candidates
 * @param {(candidate: Candidate, round: number) => Promise<Result>} measure
 * @returns {Promise<Map<Candidate, Result[]>>}
 */
export async function alternate(rounds, candidates, measure) {
  /** @type {Map<Candidate, Result[]>} */
  const results = new Map(candidates.map((candidate) => [candidate, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % candidates.length;
    for (const candidate of [...candidates.slice(first), ...candidates.slice(0, first)]) {
      const result = await measure(candidate, round);
      results.get(candidate)?.push(result);
    }
  }
  return results;
}
