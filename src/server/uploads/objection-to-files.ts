import type { PreparedOperation } from '../../execution/index.ts';
import type { NotAdmitted } from '../admission.ts';
import { refusal } from '../admission.ts';
import type { HttpOperation } from '../http-request.ts';

/** Why an operation may not bring files: those of a subscription would be held for as long as it lives. */
export function objectionToFiles(
  { form }: HttpOperation,
  { kind }: PreparedOperation,
): NotAdmitted | undefined {
  const isRefused = form?.hasFiles === true && kind === 'subscription';
  return isRefused ? refusal('BAD_REQUEST', 'a subscription takes no files') : undefined;
}
