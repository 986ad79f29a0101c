import process from 'node:process';

/** Where the browser is; the default is where Debian installs it. */
export const firefoxPath = process.env['FIREFOX_PATH'] ?? '/usr/bin/firefox-esr';
