/**
 * The harness by the method participant, with a sender of its own instead of the bridge: one that does everything right
 * must look right, whatever Connect does meanwhile, and one that does not must be found out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConnectClient,
  StartChatContactCommand,
  StartContactStreamingCommand,
} from '@aws-sdk/client-connect';
import type { StartChatContactCommandOutput } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';
import { expect, it } from 'vitest';
import { SANDBOX_CONTACT_FLOW_ID, SANDBOX_INSTANCE_ID } from '../../src/sandbox/chat-streaming.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import { checkHistory } from './checker.ts';
import type { History, ScriptedMessage, StoredMessage } from './history.ts';
import { Recorder } from './recorder.ts';
import { writeScript } from './script.ts';
import type { RunOptions } from './script.ts';

const OPTIONS: RunOptions = {
  seed: 11,
  store: 'sqlite',
  method: 'participant',
  messages: 120,
  conversations: 10,
  kills: 0,
  seconds: 1,
  hangs: 0,
  canFillDisk: false,
};
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:agents-replies';
/** An agent ends a chat, and connections expire, for so many messages. */
const END_EVERY = 15;
const EXPIRE_EVERY = 9;
const RETRY_MS = 5;

/** Of one that does everything right. */
const SOUND = {
  /** Of SendMessage. */
  tokenOf: (message: ScriptedMessage, generation: number): string => `${message.key} ${generation}`,
  /** A chat is opened again, with another token. */
  opensTwice: false,
};

interface Opened {
  readonly generation: number;
  readonly participantToken: string;
  connectionToken: string;
}

class Sender {
  readonly stored: StoredMessage[] = [];
  ambiguous = 0;
  readonly #habits: typeof SOUND;
  readonly #clients: { readonly connect: ConnectClient; readonly participant: ConnectParticipantClient };
  readonly #opened = new Map<string, Opened>();

  constructor(url: string, habits: typeof SOUND) {
    this.#habits = habits;
    const credentials = { accessKeyId: 'EXAMPLE', secretAccessKey: 'example' };
    const common = { region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 };
    this.#clients = {
      connect: new ConnectClient(common),
      participant: new ConnectParticipantClient(common),
    };
  }

  async send(message: ScriptedMessage): Promise<void> {
    const { conversation, key } = message;
    let unclearAttempts = 0;
    let refusals = 0;
    for (;;) {
      const opened = this.#opened.get(conversation) ?? (await this.#open(message, 1));
      const { status } = await this.#trySend(message, opened);
      if (status === 200 || status === 400) {
        const isDelivered = status === 200;
        const [state, reason] = isDelivered
          ? (['delivered', undefined] as const)
          : (['dead', 'refused'] as const);
        this.ambiguous += unclearAttempts;
        this.stored.push({ message: key, state, reason, unclearAttempts, hasTimedOut: false });
        return;
      }
      if (status === 403) {
        refusals += 1;
        const isEnded = !(await this.#connect(opened));
        if (isEnded) await this.#open(message, opened.generation + 1);
      } else if (status !== 429) {
        unclearAttempts += 1;
      }
      if (refusals === 0) await sleep(RETRY_MS);
    }
  }

  close(): void {
    this.#clients.connect.destroy();
    this.#clients.participant.destroy();
  }

  async #open(message: ScriptedMessage, generation: number): Promise<Opened> {
    const { conversation } = message;
    const { connect } = this.#clients;
    if (this.#habits.opensTwice) await this.#start(message, `${generation} again`);
    const { ContactId = '', ParticipantToken = '' } = await this.#start(message, String(generation));
    await untilAnswered(() =>
      connect.send(
        new StartContactStreamingCommand({
          InstanceId: SANDBOX_INSTANCE_ID,
          ContactId,
          ChatStreamingConfiguration: { StreamingEndpointArn: TOPIC },
          ClientToken: `${conversation} ${generation}`,
        }),
      ),
    );
    const opened = { generation, participantToken: ParticipantToken, connectionToken: '' };
    this.#opened.set(conversation, opened);
    await this.#connect(opened);
    return opened;
  }

  #start({ conversation, sourceId }: ScriptedMessage, token: string): Promise<StartChatContactCommandOutput> {
    const customer = { customerAddress: sourceId, channel: conversation.split(' ')[0] ?? '' };
    return untilAnswered(() =>
      this.#clients.connect.send(
        new StartChatContactCommand({
          InstanceId: SANDBOX_INSTANCE_ID,
          ContactFlowId: SANDBOX_CONTACT_FLOW_ID,
          ParticipantDetails: { DisplayName: sourceId },
          Attributes: customer,
          ClientToken: `${conversation} ${token}`,
        }),
      ),
    );
  }

  /** False: the chat has ended. */
  async #connect(opened: Opened): Promise<boolean> {
    const command = new CreateParticipantConnectionCommand({
      ParticipantToken: opened.participantToken,
      Type: ['CONNECTION_CREDENTIALS'],
      ConnectParticipant: true,
    });
    const isOpen = await untilAnswered(async () => {
      try {
        const { ConnectionCredentials } = await this.#clients.participant.send(command);
        opened.connectionToken = ConnectionCredentials?.ConnectionToken ?? '';
        return true;
      } catch (error) {
        if (statusOf(error) === 403) return false;
        throw error;
      }
    });
    return isOpen;
  }

  async #trySend(message: ScriptedMessage, opened: Opened): Promise<{ status: number | undefined }> {
    try {
      await this.#clients.participant.send(
        new SendMessageCommand({
          ConnectionToken: opened.connectionToken,
          ContentType: 'text/plain',
          Content: message.text,
          ClientToken: this.#habits.tokenOf(message, opened.generation),
        }),
      );
      return { status: 200 };
    } catch (error) {
      return { status: statusOf(error) };
    }
  }
}

async function untilAnswered<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch {
      await sleep(RETRY_MS);
    }
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** Conversations side by side, each in its order; everything is posted and acknowledged before. */
async function play(habits: typeof SOUND) {
  const connect = await ConnectStandIn.start();
  const script = writeScript(OPTIONS, Date.now());
  const recorder = new Recorder(script);
  recorder.attach(connect);
  const sender = new Sender(connect.url, habits);
  for (const { key: message } of script.messages) {
    recorder.record({ kind: 'posted', message });
    recorder.record({ kind: 'acknowledged', message });
  }
  let sent = 0;
  const lanes = Map.groupBy(script.messages, ({ conversation }) => conversation);
  await Promise.all(
    [...lanes.values()].map(async (lane) => {
      for (const message of lane.toSorted(
        (a, b) => a.earliest[0] - b.earliest[0] || a.earliest[1] - b.earliest[1],
      )) {
        await sender.send(message);
        sent += 1;
        const { running, begun } = connect.chats;
        if (sent % END_EVERY === 0) connect.endChat(begun[sent % begun.length]?.contactId ?? '');
        if (sent % EXPIRE_EVERY === 0)
          for (const { contactId } of running) connect.expireConnections(contactId);
      }
    }),
  );
  sender.close();
  const history = readHistory(script.messages, recorder, sender);
  const { received, turnedAway, ruleProblems } = connect;
  await connect.close();
  return { history, requests: recorder.requests, received, turnedAway, ruleProblems };
}

function readHistory(messages: readonly ScriptedMessage[], recorder: Recorder, sender: Sender): History {
  const countOf = (state: string): number => sender.stored.filter((one) => one.state === state).length;
  return {
    method: 'participant',
    messages,
    events: recorder.events,
    posts: messages.length,
    store: {
      messages: sender.stored,
      leasedLanes: 0,
      books: {
        received: messages.length,
        delivered: countOf('delivered'),
        dead: countOf('dead'),
        duplicate: 0,
        ignored: 0,
        discarded: 0,
        pending: 0,
        isBalanced: true,
        possibleDuplicate: sender.ambiguous,
        arrivedLate: 0,
        ignoredByReason: {},
        deadByReason: {},
      },
    },
  };
}

it('finds nothing wrong with a sender that does everything right', async () => {
  const { history, requests, received, turnedAway, ruleProblems } = await play(SOUND);
  expect(checkHistory(history).findings).toEqual([]);
  expect(ruleProblems).toEqual([]);
  expect(received).toBe(requests + turnedAway);
  const kinds = new Set(history.events.map(({ kind }) => kind));
  expect([...kinds]).toEqual(expect.arrayContaining(['opened', 'ended', 'stepped', 'decided']));
  expect(turnedAway).toBeGreaterThan(0);
  const fates = new Set(
    history.events.flatMap((event) =>
      event.kind === 'stepped' || event.kind === 'requested' ? [event.fate] : [],
    ),
  );
  expect([...fates]).toEqual(expect.arrayContaining(['throttled', 'unclear', 'takenUnclearly', 'refused']));
}, 60_000);

it.each([
  {
    name: 'sends with another token each time',
    rule: 'copies',
    habits: { ...SOUND, tokenOf: () => crypto.randomUUID() },
  },
  {
    name: 'opens a chat again with another token',
    rule: 'chats',
    habits: { ...SOUND, opensTwice: true },
  },
])(
  'finds out a sender that $name',
  async ({ habits, rule }) => {
    const { history } = await play(habits);
    expect(checkHistory(history).findings.map((finding) => finding.rule)).toContain(rule);
  },
  60_000,
);
