import process from 'node:process';

/** What the parent said to this program at its start. @type {any} */
export const settings = JSON.parse(process.argv[2] ?? '{}');

/**
 * Says that this program is ready, and answers the commands of its parent, without whom it ends.
 *
 * @param {object} ready what the parent has to know
 * @param {Readonly<Record<string, (input: any) => unknown>>} commands
 * @returns {void}
 */
export function answerCommands(ready, commands) {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (/** @type {any} */ { id, command, input }) => {
    void answer(commands[command], input).then((answered) => say({ id, ...answered }));
  });
  say({ id: 0, answer: ready });
}

/**
 * Tells the parent something that it did not ask for.
 *
 * @param {object} news
 * @returns {void}
 */
export function tellNews(news) {
  say({ news });
}

/**
 * @param {((input: any) => unknown) | undefined} obey
 * @param {any} input
 */
async function answer(obey, input) {
  try {
    if (obey === undefined) throw new Error('unknown command');
    return { answer: (await obey(input)) ?? null };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** @param {object} message */
function say(message) {
  if (process.connected) process.send?.(message);
}
