/** Before the tests with a browser, once for all files: several builds at a time would be in each other's way. */
export { buildChat as setup } from '../../scripts/build-chat.mjs';
