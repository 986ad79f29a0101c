import { VirtualClock } from 'millrace/testing';

/** A virtual clock whose turns do not wait for the system: nothing here does input or output, only promises. */
export class QuickClock extends VirtualClock {
  override turn(): Promise<void> {
    return new Promise((resolve) => void setImmediate(resolve));
  }
}
