import { useState } from 'react';
import type { ReactElement, SubmitEvent } from 'react';

import { StatePill } from './state-pill.tsx';
import type { StatePillProps } from './state-pill.tsx';

/** One line of the list. */
export interface Item {
  readonly id: string;
  readonly text: string;
}

/** What the page shows, and what it does with what somebody writes. */
export interface ItemsViewProps extends StatePillProps {
  readonly title: string;
  /** `undefined`: not there yet. */
  readonly items: readonly Item[] | undefined;
  /** What is wrong, for people. */
  readonly problem: string | undefined;
  /** Resolves with whether it was added. */
  readonly add: (text: string) => Promise<boolean>;
}

/** The page. */
export function ItemsView({ title, state, items, problem, add }: ItemsViewProps): ReactElement {
  return (
    <main>
      <header>
        <h1>{title}</h1>
        <StatePill state={state} />
      </header>
      <NewItem add={add} />
      {problem !== undefined && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {items?.length === 0 && <p className="empty">Nothing here yet.</p>}
      <ul className="items" aria-label="Items">
        {items?.map(({ id, text }) => (
          <li key={id}>{text}</li>
        ))}
      </ul>
    </main>
  );
}

function NewItem({ add }: Pick<ItemsViewProps, 'add'>): ReactElement {
  const [text, setText] = useState('');
  const [isAdding, setIsAdding] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setIsAdding(true);
    // what could not be added stays, to be tried again
    if (await add(text)) setText('');
    setIsAdding(false);
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label htmlFor="text">New item</label>
      <input
        id="text"
        value={text}
        maxLength={200}
        required
        autoComplete="off"
        onChange={(event) => setText(event.target.value)}
      />
      <button disabled={isAdding || text.trim() === ''}>Add</button>
    </form>
  );
}
