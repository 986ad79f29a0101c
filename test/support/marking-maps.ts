import type { TopicSource } from 'millrace/broker';

import type { MapKind } from './sharing-acts.ts';

/** `source` with the map of this kind, which marks its posts. */
export function withMap<Post extends object>(
  source: TopicSource<Post>,
  map: MapKind,
): TopicSource<Post> {
  switch (map) {
    case 'none':
      return source;
    case 'marking':
      return source.map(mark);
    case 'marking later':
      return source.map(markLater);
  }
}

// one function each: sources with equal maps share
const mark = <Post extends object>(post: Post): Post => ({ ...post, mark: 'marking' });
const markLater = async <Post extends object>(post: Post): Promise<Post> => ({
  ...post,
  mark: 'marking later',
});
