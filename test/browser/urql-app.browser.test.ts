import { liveListSuite } from '../support/live-list-suite.ts';

liveListSuite('urql');
