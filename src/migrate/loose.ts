/** What the types of the other libraries leave unchecked, so that programs which compile with those go on to. */
// oxlint-disable-next-line typescript/no-explicit-any -- nothing else is assignable both ways
export type Loose = any;
