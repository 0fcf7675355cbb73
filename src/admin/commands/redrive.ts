/**
 * Puts dead letters back: each one's raw notification is normalized again, with this version's code and the routes of
 * this environment, so that a mended route or a newer version helps. Counts first, then asks.
 */
import type { CountryCode } from 'libphonenumber-js/max';
import { loadRouting, loadSetting } from '../../config.ts';
import type { AgentReply } from '../../normalize/agent-reply.ts';
import { normalizeStreamed, visibilityOf } from '../../normalize/chat-item.ts';
import type { InboundMessage, NormalizedItem } from '../../normalize/inbound-message.ts';
import { normalizeNotification } from '../../normalize/normalize-notification.ts';
import type { NotificationFields } from '../../normalize/normalize-notification.ts';
import type {
  DeadReason,
  MessageDetail,
  MessageStore,
  RedriveOutcome,
  RedriveRequest,
} from '../../queue/message-store.ts';
import { makeAcceptItems } from '../../send/accept-item.ts';
import type { AcceptPlan } from '../../send/accept-item.ts';
import { planReply } from '../../send/accept-reply.ts';
import type { Routing } from '../../send/route.ts';
import type { CommandIo } from '../command-io.ts';
import { withStore } from '../command-store.ts';
import { EXIT_NOT_CONFIRMED, isConfirmed } from '../confirmation.ts';
import { listLetterIds, selectDeadLetters } from '../dead-letters.ts';
import type { DeadLetterOptions } from '../dead-letters.ts';

export interface RedriveOptions extends DeadLetterOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

interface Rules extends Routing {
  readonly defaultCountry: CountryCode | undefined;
  readonly orderHoldMs: number;
}

/** What the letters would become. One letter may hold several messages. */
interface Plan {
  readonly letters: number;
  readonly messages: number;
  readonly dead: Partial<Record<DeadReason, number>>;
  readonly ignored: number;
}

type Outcomes = Partial<Record<RedriveOutcome, number>>;

/** Resolves to 1 if it was not confirmed. Throws USAGE, CONFIG_INVALID. */
export async function redrive(
  ids: readonly string[],
  options: RedriveOptions,
  io: CommandIo,
): Promise<number> {
  const filter = selectDeadLetters(ids, options, Date.now());
  const rules = loadRules(io);
  return withStore(io, async (store) => {
    const letterIds = await listLetterIds(store, filter);
    const plan = await planRedrive(store, letterIds, rules);
    if (!options.json) io.stdout.write(describePlan(plan));
    const question = `Redrive ${plan.letters} dead letters?`;
    const isDone = plan.letters > 0 && (await isConfirmed(question, options, io));
    const outcomes = isDone ? await redriveAll(store, letterIds, rules) : {};
    if (options.json) io.stdout.write(`${JSON.stringify({ plan, isDone, outcomes }, undefined, 2)}\n`);
    else if (isDone) io.stdout.write(describeOutcomes(outcomes));
    return isDone || plan.letters === 0 ? 0 : EXIT_NOT_CONFIRMED;
  });
}

function loadRules({ env }: CommandIo): Rules {
  return {
    ...loadRouting(env),
    defaultCountry: loadSetting(env, 'DEFAULT_COUNTRY'),
    orderHoldMs: loadSetting(env, 'ORDER_HOLD_MS'),
  };
}

async function planRedrive(store: MessageStore, ids: readonly number[], rules: Rules): Promise<Plan> {
  const plan = { letters: ids.length, messages: 0, dead: {} as Plan['dead'], ignored: 0 };
  for (const id of ids) {
    const again = await normalizeAgain(store, id, rules);
    if (again?.items.length === 0) plan.ignored += 1;
    for (const item of again?.items ?? []) {
      if (item.kind === 'message') plan.messages += 1;
      else plan.dead[item.reason] = (plan.dead[item.reason] ?? 0) + 1;
    }
  }
  return plan;
}

async function redriveAll(store: MessageStore, ids: readonly number[], rules: Rules): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  for (const id of ids) {
    const again = await normalizeAgain(store, id, rules);
    const now = Date.now();
    const outcome = again
      ? await store.redrive({ id, now, holdMs: rules.orderHoldMs, ...again })
      : 'unchanged';
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return outcomes;
}

/** Undefined: somebody else has redriven, discarded or erased it meanwhile. */
async function normalizeAgain(
  store: MessageStore,
  id: number,
  rules: Rules,
): Promise<Pick<RedriveRequest, 'items' | 'ignored'> | undefined> {
  const detail = await store.readMessage(id);
  if (detail?.state !== 'dead' || detail.raw === undefined) return undefined;
  const { items, ignoredUnits } =
    detail.direction === 'outbound'
      ? await planReplyAgain(store, detail, detail.raw, rules)
      : makeAcceptItems(understandAgain(detail, detail.raw, rules), rules);
  return { items, ignored: ignoredUnits };
}

/** What an agent has seen the beginning of goes on as it was, lest its end belong to another text. */
function understandAgain(detail: MessageDetail, raw: string, rules: Rules): readonly NormalizedItem[] {
  const { partsDelivered } = detail;
  const message = detail.message as InboundMessage | undefined;
  // A notice came by no notification.
  if (message && (partsDelivered > 0 || message.content.kind === 'notice'))
    return [{ kind: 'message', message, raw }];
  return normalizeNotification(JSON.parse(raw) as NotificationFields, rules);
}

function planReplyAgain(
  store: MessageStore,
  { message, partsDelivered }: MessageDetail,
  raw: string,
  rules: Rules,
): Promise<AcceptPlan> {
  const { item } = normalizeStreamed(JSON.parse(raw) as NotificationFields, visibilityOf(raw));
  const begun = message as AgentReply | undefined;
  return planReply(
    begun && partsDelivered > 0 ? { kind: 'reply', item: begun } : item,
    raw,
    rules,
    (contactId) => store.findChat(contactId),
  );
}

function describePlan({ letters, messages, dead, ignored }: Plan): string {
  if (letters === 0) return 'No dead letter is among those asked for.\n';
  const reasons = Object.entries(dead).map(([reason, count]) => `${reason} ${count}`);
  const parts = [
    `${messages} to be sent`,
    ...(reasons.length > 0 ? [`still dead: ${reasons.join(', ')}`] : []),
    ...(ignored > 0 ? [`${ignored} to be ignored`] : []),
  ];
  return `Dead letters: ${letters}. With this version and these routes: ${parts.join('; ')}.\n`;
}

const OUTCOME_WORDS = {
  accepted: 'put back, to be sent',
  dead: 'still dead',
  duplicate: 'duplicates of what is here already',
  ignored: 'ignored',
  unchanged: 'no dead letters any more',
} as const satisfies Record<RedriveOutcome, string>;

function describeOutcomes(outcomes: Outcomes): string {
  const rows = Object.entries(outcomes) as [RedriveOutcome, number][];
  return rows.map(([outcome, count]) => `${count} ${OUTCOME_WORDS[outcome]}\n`).join('');
}
