import { VirtualClock } from 'millrace/testing';

/** A virtual clock that knows when nothing more will happen by itself: nobody waits for a turn of the event loop any more. */
export class RestingClock extends VirtualClock {
  #waiting = 0;

  override async turn(): Promise<void> {
    this.#waiting += 1;
    await immediate();
    this.#waiting -= 1;
  }

  override async settle(): Promise<void> {
    do await immediate();
    while (this.#waiting > 0);
  }
}

/** All promises that can settle have settled by then. */
function immediate(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
