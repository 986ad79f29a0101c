import process from 'node:process';

/** How long a program may go on whose processes are to end without a signal. */
const afterlifeMs = 1_000;

/** Ends the process, unless it ends by itself before because nothing else goes on in it. */
export function endSoon(): void {
  setTimeout(() => process.exit(), afterlifeMs).unref();
}
