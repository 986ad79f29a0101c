/** The names of the events in a stream as they stand in its lines. */
export function namesIn(stream: string): readonly string[] {
  return stream
    .split('\n')
    .filter((line) => line.startsWith('event:'))
    .map((line) => line.slice('event: '.length));
}
