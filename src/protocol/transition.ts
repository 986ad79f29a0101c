/**
 * One row of a state machine written down as data.
 *
 * @remarks
 * The machines do not read these rows: a test drives them through every state and event and compares, and the diagrams in the
 * documentation are drawn from them.
 */
export interface Transition<
  State extends string = string,
  Event extends string = string,
  Action extends string = string,
> {
  readonly state: State;
  /** Events that have the same effect in this state. */
  readonly on: readonly Event[];
  readonly next: State;
  /** The outputs, in order. */
  readonly does: readonly Action[];
}

/** What servers do: {@link ServerOutput} in words, with the type of the message or the close code. */
export type ServerAction<MessageType extends string> =
  | `send ${MessageType}`
  | `close ${number}`
  | 'connect'
  | 'renew'
  | 'start'
  | 'cancel'
  | 'ping'
  | 'destroy';

/** What clients do: {@link ClientOutput} in words, with the type of the message or the close code. */
export type ClientAction<MessageType extends string> =
  | `send ${MessageType}`
  | `close ${number}`
  | 'initialise'
  | 'connected'
  | 'started'
  | 'result'
  | 'error'
  | 'complete'
  | 'lost'
  | 'connection-error'
  | 'violation';
