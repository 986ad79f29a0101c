import type { UploadableMap, Variables } from 'relay-runtime';

import { UsageError } from '../errors.ts';
import { replaceAt, valueAt } from './place.ts';

/** Files are variables that Relay keeps apart, by their names; a dot leads into an object or a list. */
export function placeFiles(variables: Variables, files: UploadableMap): Variables {
  return Object.entries(files).reduce<Variables>((placed, [name, file]) => {
    const path = name.split('.');
    const parent = valueAt(placed, path.slice(0, -1));
    // Relay knows all variables of an operation, given or not; of what they hold only the server knows
    const isPlace = path.length > 1 ? typeof parent === 'object' && parent : name in placed;
    if (!isPlace) throw new UsageError(`There is no variable \`${name}\` for an uploadable`);
    return replaceAt(placed, path, () => file) as Variables; // it stays an object
  }, variables);
}
