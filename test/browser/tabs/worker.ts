import { serveTabs } from 'millrace/client/tabs-worker';
import { websocket } from 'millrace/client/websocket';

serveTabs({ transport: websocket() });
