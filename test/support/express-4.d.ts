/** Of the members that tests use, Express 4 has the same types. */
declare module 'express-4' {
  export { default } from 'express';
}
