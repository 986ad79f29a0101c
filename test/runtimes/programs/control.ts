import type { Stage, StageSettings, StartStage } from '../../support/adapter-stage.ts';

/** What the tests ask of a server in another process. */
export interface Command {
  readonly name: Exclude<keyof Stage, 'url' | 'app'> | keyof Stage['app'] | 'start';
  readonly values: readonly unknown[];
}

/** Makes what obeys commands, which are the bodies of requests; one stage at a time. */
export function createControl(start: StartStage): (request: Request) => Promise<Response> {
  let stage: Stage | undefined;

  const obey = async ({ name, values }: Command): Promise<unknown> => {
    if (name === 'start') {
      stage = await start(values[0] as StageSettings); // as the tests send it
      return stage.url;
    }
    if (!stage) throw new Error('nothing was started');
    switch (name) {
      case 'publish':
        await stage.app.publish(String(values[0]), String(values[1]));
        return undefined;
      case 'release':
        return stage.app.release(values[0] === 'slow' ? 'slow' : 'slowStart');
      case 'openSources':
        return stage.app.openSources();
      case 'gauges':
      case 'counters':
      case 'closeServer':
      case 'end':
        return stage[name]();
    }
  };

  return async (request) => {
    try {
      const value = await obey((await request.json()) as Command); // as the tests send it
      return Response.json({ value: value ?? null });
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 500 });
    }
  };
}
