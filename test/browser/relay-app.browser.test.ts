import { exampleAppContract } from '../support/example-app-contract.ts';

exampleAppContract('relay', 'Gap');
