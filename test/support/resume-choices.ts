/** Gates that a schedule opens: what waits at them, and for whom. */
export const eventGate = (n: number): string => `execution of ${n}`;
export const filterGate = (attempt: number, n: number): string => `filter of ${attempt} for ${n}`;
export const rowGate = (attempt: number): string => `row of ${attempt}`;
