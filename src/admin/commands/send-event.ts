import type {
  ChatEventType,
  NewSessionDetails,
  SendChatIntegrationEventCommandInput,
} from '@aws-sdk/client-connect';
import { parseArn } from '../../arn.ts';
import { BridgeError } from '../../errors.ts';
import { chatEventProblems } from '../../send/chat-event-rules.ts';
import { createConnectSender } from '../../send/connect-client.ts';
import type { SentEvent } from '../../send/connect-client.ts';
import { classifySendError } from '../../send/send-outcome.ts';
import type { CommandIo } from '../command-io.ts';
import { EXIT_NOT_CONFIRMED, isConfirmed } from '../confirmation.ts';

export interface SendEventOptions {
  readonly sourceId: string;
  readonly destinationId: string;
  readonly subtype?: string;
  readonly type: ChatEventType;
  readonly contentType?: string;
  readonly content?: string;
  readonly displayName?: string;
  /** `key=value` each. */
  readonly attribute?: readonly string[];
  readonly supportedContentType?: readonly string[];
  readonly streamingEndpointArn?: string;
  readonly region?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/**
 * Sends one chat integration event by hand, past queue and pace. Throws USAGE for a request that breaks the API's
 * rules, before anything is sent, and AWS_REFUSED with what to do. Resolves to 1 if the question was answered with no.
 */
export async function sendEvent(options: SendEventOptions, io: CommandIo): Promise<number> {
  const request = buildRequest(options);
  const problems = chatEventProblems(request);
  if (problems.length > 0) {
    throw new BridgeError('USAGE', { detail: problems.map((problem) => `\n  - ${problem}`).join('') });
  }
  const region = chooseRegion(options, io);
  if (options.dryRun) {
    io.stdout.write(`${JSON.stringify(request, undefined, 2)}\n`);
    return 0;
  }
  const { type, sourceId, destinationId } = options;
  const question = `Send a ${type} from ${sourceId} to ${destinationId} in ${region}?`;
  if (!(await isConfirmed(question, options, io))) return EXIT_NOT_CONFIRMED;
  const sent = await send(request, region);
  io.stdout.write(options.json ? `${JSON.stringify(toJson(sent))}\n` : describe(sent));
  return 0;
}

function buildRequest(options: SendEventOptions): SendChatIntegrationEventCommandInput {
  const { type, content, subtype } = options;
  const contentType = options.contentType ?? (type === 'MESSAGE' ? 'text/plain' : undefined);
  const session = buildSession(options);
  return {
    SourceId: options.sourceId,
    DestinationId: options.destinationId,
    ...(subtype === undefined ? {} : { Subtype: subtype }),
    Event: {
      Type: type,
      ...(contentType === undefined ? {} : { ContentType: contentType }),
      ...(content === undefined ? {} : { Content: content }),
    },
    ...(Object.keys(session).length === 0 ? {} : { NewSessionDetails: session }),
  };
}

function buildSession(options: SendEventOptions): NewSessionDetails {
  const { displayName, attribute, supportedContentType, streamingEndpointArn } = options;
  return {
    ...(supportedContentType ? { SupportedMessagingContentTypes: [...supportedContentType] } : {}),
    ...(displayName === undefined ? {} : { ParticipantDetails: { DisplayName: displayName } }),
    ...(attribute ? { Attributes: parseAttributes(attribute) } : {}),
    ...(streamingEndpointArn === undefined
      ? {}
      : { StreamingConfiguration: { StreamingEndpointArn: streamingEndpointArn } }),
  };
}

function parseAttributes(pairs: readonly string[]): Record<string, string> {
  const attributes = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new BridgeError('USAGE', { detail: '--attribute is not of the form key=value.' });
    const key = pair.slice(0, equals);
    if (attributes.has(key)) throw new BridgeError('USAGE', { detail: `--attribute ${key} is given twice.` });
    attributes.set(key, pair.slice(equals + 1));
  }
  return Object.fromEntries(attributes);
}

function chooseRegion({ region, destinationId }: SendEventOptions, io: CommandIo): string {
  const chosen = region || parseArn(destinationId)?.region || io.env['AWS_REGION'];
  if (!chosen) throw new BridgeError('USAGE', { detail: 'No Region: give --region, an ARN, or AWS_REGION.' });
  return chosen;
}

async function send(request: SendChatIntegrationEventCommandInput, region: string): Promise<SentEvent> {
  const sender = createConnectSender();
  try {
    return await sender.send(request, { region, roleArn: undefined });
  } catch (error) {
    const { sentence, remedy, isAmbiguous } = classifySendError(error);
    const doubt = isAmbiguous ? '\nConnect may have taken it all the same.' : '';
    throw new BridgeError('AWS_REFUSED', { detail: `${sentence}\n${remedy}${doubt}`, cause: error });
  } finally {
    sender.close();
  }
}

function toJson({ contactId, newChatCreated, requestId }: SentEvent): object {
  return {
    InitialContactId: contactId ?? null,
    NewChatCreated: newChatCreated ?? null,
    requestId: requestId ?? null,
  };
}

function describe({ contactId, newChatCreated }: SentEvent): string {
  return `InitialContactId: ${contactId ?? 'none'}\nNewChatCreated: ${newChatCreated ?? 'not said'}\n`;
}
