/** Objects of a selection after which it is worth code of its own: writing that, and having it compiled, costs as much as some hundred objects save. */
export const hotAfter: number = 1_000;
