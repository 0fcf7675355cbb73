/**
 * Whether Connect takes what the bridge sends: the one thing that no reading tells. So it is tried, with `--probe` only.
 *
 *  - integration-event: a DISCONNECT for a customer that does not exist. Of all events it is the one that can't leave a
 *    chat behind: at worst Connect opens one and ends it at once (an EVENT might open one and leave it open).
 *  - participant: a chat is opened, streamed and connected to, without a word in it, and ended again. A flow starts
 *    only once the customer's side listens, which the probe's never does, so no agent should see it.
 *
 * AWS documents SendChatIntegrationEvent as restricted to End User Messaging, and nobody could verify what an account
 * that may not call it is answered. The verdicts below rest on how AWS's services answer otherwise, and say so.
 */
import crypto from 'node:crypto';
import {
  SendChatIntegrationEventCommand,
  StartChatContactCommand,
  StartContactStreamingCommand,
  StopContactCommand,
} from '@aws-sdk/client-connect';
import {
  CreateParticipantConnectionCommand,
  DisconnectParticipantCommand,
} from '@aws-sdk/client-connectparticipant';
import { SECOND_MS } from '../../clock.ts';
import type { ChatPlace, Destination } from '../../send/route.ts';
import { AskError } from './ask.ts';
import { ok, unknown, warning, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { destinations } from './examination.ts';
import type { Examination } from './examination.ts';
import { integrationEventNeed, isAllowed } from './permissions.ts';
import type { Place } from './readings.ts';
import { findImport } from './routes.ts';

/** Of the numbers reserved for fiction: nobody's. */
const NOBODY = '+12025550142';
/** So that a chat which was opened is always ended again: five calls, each with its second attempt. */
const PROBE_TIMEOUT_MS = 90 * SECOND_MS;
const NOT_VERIFIED = 'what an account that is barred from this operation is answered could not be verified';

export function deliveryChecks(examination: Examination): readonly Check[] {
  return destinations(examination.config).map((destination) => {
    const { chat } = destination;
    return {
      id: `delivery/${destination.destination}`,
      title: `delivery to ${destination.destination}`,
      timeoutMs: PROBE_TIMEOUT_MS,
      run: async () => {
        if (!examination.probe) return describeProbe(destination);
        return chat ? probeChat(chat, destination, examination) : probeEvent(destination, examination);
      },
    };
  });
}

function describeProbe({ chat, destination }: Destination): Finding {
  const attempt = chat
    ? `open a chat in instance ${chat.instanceId} by flow ${chat.contactFlowId}, stream it to ${chat.streamingEndpointArn}, and end it again`
    : `send a DISCONNECT event to ${destination} from ${NOBODY}, who has no chat`;
  return unknown('not tried', `--probe would ${attempt}`);
}

async function probeEvent(destination: Destination, examination: Examination): Promise<Finding> {
  const { destination: DestinationId, subtype: Subtype, region, roleArn } = destination;
  const { readings } = examination;
  const client = readings.connect({ region, roleArn });
  const command = new SendChatIntegrationEventCommand({
    SourceId: NOBODY,
    DestinationId,
    Subtype,
    Event: { Type: 'DISCONNECT' },
  });
  try {
    const { NewChatCreated, InitialContactId } = await readings.ask(
      'connect:SendChatIntegrationEvent',
      client,
      () => client.send(command),
    );
    if (NewChatCreated)
      return warning(
        `Connect took the event, and opened contact ${InitialContactId} for it`,
        'the event should have ended it at once: look it up in Connect’s contact search',
      );
    return ok('Connect took a SendChatIntegrationEvent of this account');
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    return judgeEventRefusal(error, destination, examination);
  }
}

/** Tells "IAM missing", "restricted API" and "number not imported" apart. */
async function judgeEventRefusal(
  error: AskError,
  destination: Destination,
  examination: Examination,
): Promise<Finding> {
  const { region, roleArn } = destination;
  switch (error.fault) {
    case 'denied':
      return judgeDenial(error, { region, roleArn }, examination);
    case 'missing':
      return judgeMissing(error, destination, examination);
    case 'credentials':
      throw error;
    case 'failed':
      if (error.code === 'InvalidRequestException')
        return unknown(
          `Connect read the event and refused it (${error.message})`,
          `so this account probably may call it: write to the number, or try \`bridge send-event\`; but ${NOT_VERIFIED}`,
        );
      return unknown(`no answer that tells anything: ${error.message}`, 'try again');
  }
}

/** IAM gives its reason since 2021 ("because no … policy allows …"); where it gives none, its simulator knows. */
async function judgeDenial(error: AskError, place: Place, examination: Examination): Promise<Finding> {
  const iam = wrong(
    `IAM missing: ${error.message}`,
    'allow connect:SendChatIntegrationEvent on * to the bridge’s role (docs/set-up.md)',
  );
  if (/because no \S+ policy allows|explicit deny/i.test(error.message)) return iam;
  const allowed = await isAllowed(integrationEventNeed(place), examination);
  if (allowed === false) return iam;
  const change = `ask AWS Support to open the operation for the account, or set the method participant (docs/set-up.md); ${NOT_VERIFIED}`;
  if (allowed)
    return wrong(`restricted API: the role allows it, and still Connect refuses (${error.message})`, change);
  return wrong(
    `restricted API or IAM missing, which can't be told apart here: ${error.message}`,
    `make sure that the role allows connect:SendChatIntegrationEvent on *; if it does, ${change}`,
  );
}

/** A number that Connect doesn't know, or a customer without a chat: the list of imported numbers tells which. */
async function judgeMissing(
  { message }: AskError,
  { destination, region, roleArn }: Destination,
  examination: Examination,
): Promise<Finding> {
  const importNumber = 'import the number into the instance, and associate a flow with it';
  const place = { region, roleArn };
  const imported = await findImport(destination, place, examination).catch(() => 'not known' as const);
  if (imported === undefined) return wrong(`number not imported: ${message}`, importNumber);
  if (imported === 'not known')
    return unknown(
      `number not imported, or nobody's chat is what Connect could not find: ${message}`,
      `allow connect:ListPhoneNumbersV2 to whoever runs doctor, and try again; if it is not imported, ${importNumber}`,
    );
  return unknown(
    `the number is imported, so it must be the chat of ${NOBODY} that Connect could not find: ${message}`,
    `so this account probably may call it: write to the number; but ${NOT_VERIFIED}`,
  );
}

interface OpenChat {
  readonly contactId: string;
  readonly participantToken: string;
  connectionToken?: string;
}

async function probeChat(
  chat: ChatPlace,
  { region, roleArn }: Destination,
  examination: Examination,
): Promise<Finding> {
  const place = { region, roleArn };
  let open: OpenChat | undefined;
  let finding: Finding;
  try {
    open = await openChat(chat, place, examination);
    await streamChat(open, chat, place, examination);
    open.connectionToken = await connectToChat(open, place, examination);
    finding = ok('a chat could be opened, streamed and connected to');
  } catch (error) {
    finding = judgeChatRefusal(error, chat);
  }
  const left = open && (await endChat(open, chat, place, examination));
  return left ? combine(finding, left) : finding;
}

async function openChat(chat: ChatPlace, place: Place, { readings }: Examination): Promise<OpenChat> {
  const client = readings.connect(place);
  const command = new StartChatContactCommand({
    InstanceId: chat.instanceId,
    ContactFlowId: chat.contactFlowId,
    ParticipantDetails: { DisplayName: 'bridge doctor' },
    Attributes: { bridgeDoctor: 'true' },
    ClientToken: crypto.randomUUID(),
    // The route's own: not every account may set it.
    ...(chat.durationMinutes === undefined ? {} : { ChatDurationInMinutes: chat.durationMinutes }),
  });
  const { ContactId = '', ParticipantToken = '' } = await readings.ask(
    'connect:StartChatContact',
    client,
    () => client.send(command),
  );
  return { contactId: ContactId, participantToken: ParticipantToken };
}

async function streamChat(
  { contactId }: OpenChat,
  chat: ChatPlace,
  place: Place,
  { readings }: Examination,
): Promise<void> {
  const client = readings.connect(place);
  const command = new StartContactStreamingCommand({
    InstanceId: chat.instanceId,
    ContactId: contactId,
    ChatStreamingConfiguration: { StreamingEndpointArn: chat.streamingEndpointArn },
    ClientToken: crypto.randomUUID(),
  });
  await readings.ask('connect:StartContactStreaming', client, () => client.send(command));
}

/** Without ConnectParticipant, which would start the flow. */
async function connectToChat(
  { participantToken }: OpenChat,
  place: Place,
  { readings }: Examination,
): Promise<string> {
  const client = readings.participant(place);
  const command = new CreateParticipantConnectionCommand({
    Type: ['CONNECTION_CREDENTIALS'],
    ParticipantToken: participantToken,
  });
  const { ConnectionCredentials } = await readings.ask('CreateParticipantConnection', client, () =>
    client.send(command),
  );
  return ConnectionCredentials?.ConnectionToken ?? '';
}

const CHAT_MENDS: Readonly<Record<string, string>> = {
  'connect:StartChatContact': 'allow connect:StartChatContact on the instance’s flow and contacts',
  'connect:StartContactStreaming': 'allow connect:StartContactStreaming on the instance and its contacts',
};

function judgeChatRefusal(error: unknown, chat: ChatPlace): Finding {
  if (!(error instanceof AskError)) throw error;
  const { action, message, fault, code } = error;
  if (fault === 'credentials') throw error;
  if (fault === 'denied')
    return wrong(
      `IAM missing (${action}): ${message}`,
      CHAT_MENDS[action] ?? 'look at the role’s policies, and at the participant endpoint’s network policy',
    );
  if (fault === 'missing')
    return wrong(`${action}: ${message}`, `mend the route's instanceId and contactFlowId`);
  if (code === 'LimitExceededException')
    return warning(
      `${action}: ${message}`,
      'the instance’s quota of concurrent chats is used up: messages wait; end chats, or ask AWS for more',
    );
  if (!code.startsWith('Invalid'))
    return unknown(`${action} gave no answer that tells anything: ${message}`, 'try again');
  if (action === 'connect:StartContactStreaming')
    return wrong(
      `${action}: ${message}`,
      `Connect has to be able to publish to ${chat.streamingEndpointArn}: see its lines above`,
    );
  return wrong(
    `${action}: ${message}`,
    chat.durationMinutes === undefined
      ? 'look at the route’s instanceId and contactFlowId'
      : 'not every account may set chatDurationMinutes: leave it out, or ask AWS Support',
  );
}

/** What is left to do where the chat could not be ended. As the customer leaving; else by the agent's side of the API. */
async function endChat(
  { contactId, connectionToken }: OpenChat,
  chat: ChatPlace,
  place: Place,
  { readings }: Examination,
): Promise<Finding | undefined> {
  if (connectionToken) {
    const leave = new DisconnectParticipantCommand({
      ConnectionToken: connectionToken,
      ClientToken: crypto.randomUUID(),
    });
    const left = await succeeds(() => readings.participant(place).send(leave));
    if (left) return undefined;
  }
  const stop = new StopContactCommand({ ContactId: contactId, InstanceId: chat.instanceId });
  if (await succeeds(() => readings.connect(place).send(stop))) return undefined;
  return warning(
    `contact ${contactId} could not be ended`,
    'it has no customer, and ends by itself; to have doctor end it, allow connect:StopContact',
  );
}

async function succeeds(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch {
    return false;
  }
}

/** The graver of the two says how it ends, and both are said. */
function combine(finding: Finding, left: Finding): Finding {
  const verdict = finding.verdict === 'ok' ? left.verdict : finding.verdict;
  const mend = [finding.mend, left.mend].filter(Boolean).join('; ');
  return { verdict, what: `${finding.what}; ${left.what}`, mend };
}
