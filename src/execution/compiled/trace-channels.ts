/** A channel of `node:diagnostics_channel`. */
interface ChannelLike {
  readonly hasSubscribers: boolean;
}

interface DiagnosticsLike {
  channel(name: string): ChannelLike;
}

const operations = [
  'graphql:execute',
  'graphql:execute:variableCoercion',
  'graphql:execute:rootSelectionSet',
  'graphql:resolve',
];
const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

const channels = findChannels();

/** Whether somebody listens to what graphql 17 says of its executions on runtimes that have such channels. */
export function isTraced(): boolean {
  for (const channel of channels) if (channel.hasSubscribers) return true;
  return false;
}

function findChannels(): readonly ChannelLike[] {
  const { process } = globalThis as {
    readonly process?: { getBuiltinModule?(name: string): DiagnosticsLike | undefined };
  };
  const diagnostics = process?.getBuiltinModule?.('node:diagnostics_channel');
  if (!diagnostics) return [];
  return operations.flatMap((operation) =>
    events.map((event) => diagnostics.channel(`tracing:${operation}:${event}`)),
  );
}
