import { clientContract, isOnPage } from '../runtimes/support/client-contract.ts';
import type { Shown } from '../runtimes/support/client-contract.ts';
import { firefoxPlace } from '../runtimes/support/client-browsers.ts';

const shown: Shown = new Map();

clientContract(firefoxPlace, shown);
isOnPage(shown, (name) => name === firefoxPlace.name);
