/** Calls a hook. What it throws is nobody's: it must not end what is going on. */
export function tell<Told>(hook: ((told: Told) => void) | undefined, told: Told): void {
  try {
    hook?.(told);
  } catch {
    // ignored, as the options say
  }
}
