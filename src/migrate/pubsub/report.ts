/** Learns of failures that nobody is there to catch. */
export type FailureReporter = (error: unknown) => void;

/** Writes to the console of the runtime: a failure that nobody sees is worse than a noisy one. */
const reportToConsole: FailureReporter = (error) => {
  // eslint-disable-next-line no-console -- the default for programs that gave no `onError`
  console.error('millrace: publish and subscribe:', error);
};

/** Wraps the reporter of a program so that one that throws cannot end the process. */
export function createFailureReporter(report: FailureReporter = reportToConsole): FailureReporter {
  return (error) => {
    try {
      report(error);
    } catch (failure) {
      reportToConsole(failure);
    }
  };
}
