/** What most calls put out; shared, so that they allocate nothing. */
export const nothing: readonly never[] = Object.freeze([]);
