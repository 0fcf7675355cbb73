/** Whether a service may use the key that a topic or a queue is encrypted with. */
import { hasFault } from './ask.ts';
import { ok, unknown, wrong } from './check.ts';
import type { Finding } from './check.ts';
import type { Place, Readings } from './readings.ts';
import { judgePolicy } from './resource-policy.ts';
import type { Access } from './resource-policy.ts';

/** What whoever publishes to an encrypted topic, or sends to an encrypted queue, does with its key. */
const KEY_ACTIONS = ['kms:GenerateDataKey', 'kms:Decrypt'] as const;

/** `keyId` as the topic or queue names it. */
export async function checkKey(
  keyId: string,
  principals: readonly string[],
  context: Access['context'],
  { readings, place }: { readonly readings: Readings; readonly place: Place },
): Promise<Finding> {
  const services = principals.join(' and ');
  const allowServices = `in the key's policy allow ${KEY_ACTIONS.join(' and ')} to ${services}`;
  const useOwnKey = `use a symmetric key of your own, and ${allowServices}`;
  if (/^(arn:[^/]*:)?alias\/aws\//.test(keyId))
    return wrong(`${keyId} is AWS's own key, whose policy lets no other service use it`, useOwnKey);
  try {
    const key = await readings.key(keyId, place);
    if (key.isAwsManaged)
      return wrong(`${key.arn} is AWS's own key, which no other service can use`, useOwnKey);
    if (key.state !== 'Enabled') return wrong(`${key.arn} is ${key.state}`, 'enable the key');
    if (key.spec !== 'SYMMETRIC_DEFAULT')
      return wrong(`${key.arn} is not symmetric (${key.spec})`, useOwnKey);
    const judgements = new Set(
      principals.flatMap((principal) =>
        KEY_ACTIONS.map((action) =>
          judgePolicy(key.policy, { principal, action, resource: key.arn, context }),
        ),
      ),
    );
    if (judgements.has('no')) return wrong(`${key.arn} may not be used by ${services}`, allowServices);
    if (judgements.has('perhaps'))
      return unknown(
        `${key.arn}: its policy has conditions that can't be judged from here`,
        `check: ${allowServices}`,
      );
    return ok(`${key.arn} may be used by ${services}`);
  } catch (error) {
    if (!hasFault(error, 'missing')) throw error;
    return wrong(`there is no key ${keyId}`, useOwnKey);
  }
}
