/**
 * The way back, shown: an agent answers in two of the samples' chats and offers one customer a choice, which that customer
 * makes by its number. Each step's result is a row like those of the samples.
 */
import type { MoreUnits } from './books.ts';
import type { ChatLine } from './chats.ts';
import type { ConnectStandIn } from './connect-stand-in.ts';
import { smsPayload } from './end-user-messaging.ts';
import type { EumStandIn } from './eum-stand-in.ts';
import type { SampleResult } from './sample-run.ts';
import type { Publications } from './publications.ts';
import type { SnsStandIn } from './sns-stand-in.ts';

const RECEIVED_TIMEOUT_MS = 20_000;

/** Customers of the samples. */
const SMS_CUSTOMER = '+14255550182';
const WHATSAPP_CUSTOMER = '+12065550137';

const INTERACTIVE = 'application/vnd.amazonaws.connect.message.interactive';
const TIMES = ['Tomorrow morning', 'Tomorrow afternoon', 'On Saturday'] as const;
const CHOSEN = { number: '2', title: TIMES[1] } as const;
const LIST_PICKER = {
  templateType: 'ListPicker',
  version: '1.0',
  data: {
    replyMessage: { title: 'Thank you!' },
    content: {
      title: 'When shall we bring it?',
      subtitle: 'Please choose',
      elements: TIMES.map((title) => ({ title })),
    },
  },
};

export interface ReplyScene {
  readonly sns: SnsStandIn;
  readonly connect: ConnectStandIn;
  readonly eum: EumStandIn;
  readonly publications: Publications;
}

interface ReplyStep {
  readonly what: string;
  readonly customer: string;
  readonly reply: { readonly content: string; readonly contentType?: string };
  /** Each is in what the customer received. */
  readonly received: readonly string[];
}

const STEPS: readonly ReplyStep[] = [
  plainReply('SMS', SMS_CUSTOMER, 'Sorry about that! Your parcel 4711 is at the depot.'),
  plainReply('WhatsApp', WHATSAPP_CUSTOMER, 'Sim! From 9 to 5, and parking is free 🚗'),
  {
    what: 'agent, to SMS: a list to choose from',
    customer: SMS_CUSTOMER,
    reply: { contentType: INTERACTIVE, content: JSON.stringify(LIST_PICKER) },
    received: [LIST_PICKER.data.content.title, ...TIMES],
  },
];

/** What must be in the books of it: each step, and the customer's choice. */
const REPLIES_DELIVERED = STEPS.length;
const CHOICES_DELIVERED = 1;

export async function showReplies(scene: ReplyScene): Promise<readonly SampleResult[]> {
  const results: SampleResult[] = [];
  for (const step of STEPS) results.push(await reply(step, scene));
  results.push(await choose(scene));
  return results;
}

/** What Connect published, beside the replies, is not for the customer: ignored. */
export function unitsOf(publications: Publications): MoreUnits {
  return {
    delivered: REPLIES_DELIVERED + CHOICES_DELIVERED,
    ignored: publications.count - REPLIES_DELIVERED,
  };
}

function plainReply(channel: string, customer: string, content: string): ReplyStep {
  return { what: `agent, to ${channel}: ${content}`, customer, reply: { content }, received: [content] };
}

async function reply(step: ReplyStep, { connect, eum, publications }: ReplyScene): Promise<SampleResult> {
  const { customer, what, received } = step;
  const common = { title: 'Replies', what };
  if (!connect.newestChat(customer))
    return { ...common, answer: '', becameOf: 'there is no chat to answer in', isAsExpected: false };
  const texts = await receivedAfter(
    () => connect.reply(customer, step.reply),
    { eum, customer },
    RECEIVED_TIMEOUT_MS,
  );
  const isWhole = received.every((text) => texts[0]?.includes(text));
  return {
    ...common,
    answer: await publications.lastAnswer(),
    becameOf: describeReceived(texts.length, isWhole),
    isAsExpected: texts.length === 1 && isWhole,
  };
}

/** What that customer receives once `write` is called; waits for a first text at most that long. */
export async function receivedAfter(
  write: () => void,
  { eum, customer }: { readonly eum: EumStandIn; readonly customer: string },
  timeoutMs: number,
): Promise<readonly string[]> {
  const known = eum.textsTo(customer).length;
  write();
  const isThere = (): boolean => eum.textsTo(customer).length > known;
  await eum.untilText(isThere, timeoutMs).catch(() => undefined);
  return eum.textsTo(customer).slice(known);
}

function describeReceived(times: number, isWhole: boolean): string {
  if (times === 0) return 'the customer did not get it';
  const words = isWhole ? '' : ', in other words';
  return times === 1 ? `the customer got it${words}` : `the customer got it ${times} times${words}`;
}

/** By its number; the agent sees which choice that was. */
async function choose({ sns, connect }: ReplyScene): Promise<SampleResult> {
  const known = connect.transcript(SMS_CUSTOMER).length;
  const payload = smsPayload({ from: SMS_CUSTOMER, text: CHOSEN.number });
  const delivery = await sns.publish(JSON.stringify(payload));
  const isNew = (line: ChatLine): boolean => connect.chats.of(SMS_CUSTOMER).indexOf(line) >= known;
  await connect.untilMessage(isNew, RECEIVED_TIMEOUT_MS).catch(() => undefined);
  const seen = connect.transcript(SMS_CUSTOMER).slice(known);
  return {
    title: 'Replies',
    what: `SMS: ${CHOSEN.number}`,
    answer: delivery.attempts.map((attempt) => attempt.status ?? attempt.error).join(', '),
    becameOf: seen.length === 0 ? 'no agent saw it' : `seen: ${seen.join(', ')}`,
    isAsExpected: delivery.status === 200 && seen.length === 1 && seen[0] === CHOSEN.title,
  };
}
