/**
 * What brokers promise, for those who use one and for those who write one, and the {@link Broadcaster} for those who need none.
 *
 * @packageDocumentation
 */
export { Broadcaster } from './broadcaster.ts';
export type { BroadcasterOptions } from './broadcaster.ts';
export type { LogTailLimits } from './log-tail.ts';
export { createTopic } from './topic.ts';
export type {
  Broker,
  BrokerCapabilities,
  EventFunction,
  LogBatch,
  LogEntry,
  LogReader,
  PublishOptions,
  SourceIdentity,
  Topic,
  TopicPublishOptions,
  TopicSource,
} from './types.ts';
export type { Snapshot, Source, SourceItem, SourceReader, SourceStream } from '../stream/source.ts';
export type { Position } from '../vocabulary.ts';
