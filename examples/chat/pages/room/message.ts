/** A message as the pages ask for it. */
export interface Message {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  readonly sentAt: string;
}

/** How many messages a page shows; older ones leave it. */
export const maxShown = 500;
