import { clientContract, isOnPage } from '../runtimes/support/client-contract.ts';
import type { Shown } from '../runtimes/support/client-contract.ts';
import { chromiumPlace } from '../runtimes/support/client-browsers.ts';

const shown: Shown = new Map();

clientContract(chromiumPlace, shown);
isOnPage(shown, (name) => name === chromiumPlace.name);
