/**
 * Where a gateway keeps what it has to know between two calls of its functions.
 *
 * @remarks
 * **Connections.** One text for each. `writeConnection` is a compare-and-set: of several calls that write the same `version` at most one succeeds, and
 * only if the version before it is what is there (nothing, for version 1). `readConnection` MUST see every write that had succeeded before it was
 * called; a replica that lags behind does not do. `removeConnection` gives the text to exactly one of those who remove it.
 *
 * **Subscriptions.** `listSubscriptions` MUST give each subscription whose `addSubscription` had resolved before the first page was asked for, and that is
 * not removed meanwhile; it MAY give one twice, or one that was added or removed meanwhile. `removeSubscription` gives the subscription to exactly one
 * of those who remove it. Topics and keys are arbitrary strings, the empty one included, and no two pairs may collide.
 *
 * **Expiry.** Nothing may be given any more that has expired, and the store should forget it by itself: nobody may ever come to remove it.
 *
 * Texts and names are to be stored as they are. A method that fails rejects.
 */
export interface GatewayStore {
  readConnection(connectionId: string): Promise<StoredConnection | undefined>;
  /** Whether it was written: false if another version is there than the one before `connection.version`. */
  writeConnection(
    connectionId: string,
    connection: StoredConnection,
    expiresAt: number,
  ): Promise<boolean>;
  /** Removes a connection, and gives its last text to whoever did. Its subscriptions stay: they are removed one by one. */
  removeConnection(connectionId: string): Promise<string | undefined>;
  addSubscription(subscription: StoredSubscription): Promise<void>;
  /** Removes the subscription `token` of (topic, key), and gives it to whoever did. */
  removeSubscription(place: SubscriptionPlace, token: string): Promise<string | undefined>;
  /**
   * A page of the subscriptions of (topic, key), which may be empty.
   *
   * @param cursor - of the page before; `undefined` for the first
   */
  listSubscriptions(
    place: SubscriptionPlace,
    cursor: string | undefined,
  ): Promise<SubscriptionPage>;
}

/** A connection as its store holds it. */
export interface StoredConnection {
  /** Counts the writes, from 1 on. */
  readonly version: number;
  readonly text: string;
}

/** What a subscription listens to. */
export interface SubscriptionPlace {
  readonly topic: string;
  readonly key: string;
}

/** A subscription as its store holds it. */
export interface StoredSubscription {
  readonly place: SubscriptionPlace;
  /** Names it among all subscriptions of the world. */
  readonly token: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Some subscriptions, and where the others begin. */
export interface SubscriptionPage {
  readonly texts: readonly string[];
  /** Absent behind the last page. */
  readonly cursor?: string;
}
