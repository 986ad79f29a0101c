/**
 * Calls `depart` when the page is put away: left, closed, or frozen as it is, to be thawed perhaps.
 *
 * @returns stops that
 */
export type Departures = (depart: () => void) => () => void;

/** What this runtime has of that: `pagehide`, and `freeze` of the Page Lifecycle. */
export const systemDepartures: Departures = (depart) => {
  const { document } = globalThis as { readonly document?: EventTarget };
  // on Node it is none, and nothing ever departs
  const page = globalThis as Partial<EventTarget>;
  page.addEventListener?.('pagehide', depart);
  document?.addEventListener('freeze', depart);
  return () => {
    page.removeEventListener?.('pagehide', depart);
    document?.removeEventListener('freeze', depart);
  };
};
