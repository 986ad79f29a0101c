import type { WebSocketProtocol } from '../vocabulary.ts';
import type { AdmissionOptions } from './admission.ts';
import { refusal } from './admission.ts';

/** What `protocol` adds to the admission of an operation. */
export function admissionOver(protocol: WebSocketProtocol): AdmissionOptions | undefined {
  return protocol === 'appsync' ? subscriptionsAlone : undefined;
}

const subscriptionsAlone: AdmissionOptions = {
  objection: ({ kind }) =>
    kind === 'subscription'
      ? undefined
      : refusal(
          'UNSUPPORTED_OPERATION',
          `This connection carries subscriptions alone, no ${kind}.`,
        ),
};
