/** A promise that settles that many microtasks later. Nobody needs to look at it. */
export function settleAfter(ticks: number, settle: () => unknown): Promise<unknown> {
  const promise = ticks === 0 ? toSettled(settle) : settleLater(ticks, settle);
  promise.catch(() => {});
  return promise;
}

/** The same as an object that is no promise. */
export function toThenable(ticks: number, settle: () => unknown): PromiseLike<unknown> {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- for those who take them
    then: (onFulfilled, onRejected) => settleLater(ticks, settle).then(onFulfilled, onRejected),
  };
}

function toSettled(settle: () => unknown): Promise<unknown> {
  try {
    return Promise.resolve(settle());
  } catch (error) {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever was thrown
    return Promise.reject(error);
  }
}

async function settleLater(ticks: number, settle: () => unknown): Promise<unknown> {
  for (let i = 0; i < ticks; i += 1) await Promise.resolve();
  return settle();
}
