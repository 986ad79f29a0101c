/**
 * An option, or a way to call something, of another library that Millrace has nothing for; thrown where it is given, and nothing was done.
 *
 * @remarks
 * Facades leave out no option in silence: what they take works as documented, everything else throws this.
 */
export class UnsupportedOptionError extends Error {
  override readonly name = 'UnsupportedOptionError';
  readonly code = 'OPTION_NOT_SUPPORTED';
  /** As it is written in a program, such as `jsonMessageReviver` or `connection.retryStrategy`. */
  readonly option: string;
  /** What to do instead. */
  readonly remedy: string;

  constructor(option: string, remedy: string) {
    super(`the option ${option} is not supported: ${remedy}`);
    this.option = option;
    this.remedy = remedy;
  }
}

/** What a facade does with an option: takes it, or names the remedy. */
export type OptionSupport = 'supported' | { readonly remedy: string };

/**
 * Looks at every option that was given, those that are `undefined` aside.
 *
 * @param prefix - stands before the names of options in the error
 * @throws UnsupportedOptionError for the first that `support` does not call supported, unknown ones included
 */
export function assertSupported(
  options: object,
  support: Readonly<Record<string, OptionSupport>>,
  prefix = '',
): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const answer = Object.hasOwn(support, name) ? support[name] : undefined;
    if (answer === 'supported') continue;
    const remedy = answer?.remedy ?? 'it is not known here, so leave it out';
    throw new UnsupportedOptionError(`${prefix}${name}`, remedy);
  }
}
