/**
 * The operations of the participant method: StartChatContact and StartContactStreaming of Connect's own API, and the
 * Participant Service's, whose caller is known by the token in `X-Amz-Bearer`.
 */
import type http from 'node:http';
import type { z } from 'zod';
import { schemaProblems } from '../schema-problems.ts';
import { refusal } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';
import { placeOf } from './chats.ts';
import type { ConnectOperation, Operation, PreparedCall } from './connect-call.ts';
import { asRecord } from './json-text.ts';
import type { ParticipantChat, ParticipantChats } from './participant-chats.ts';
import {
  createParticipantConnectionRule,
  disconnectParticipantRule,
  sendMessageRule,
  startChatContactRule,
  startContactStreamingRule,
} from './participant-rules.ts';
import { refuseUnsigned } from './signed-request.ts';

export function participantOperations(
  chats: ParticipantChats,
  isStreamed: (contactId: string) => boolean,
): readonly Operation[] {
  return [
    connectOperation({ name: 'StartChatContact', method: 'PUT', path: '/contact/chat' }, (body) => {
      const { InstanceId, ContactFlowId, Attributes } = asRecord(body);
      const sourceId = asRecord(Attributes)['customerAddress'];
      return {
        sourceId: typeof sourceId === 'string' ? sourceId : '',
        destinationId: placeOf(String(InstanceId), String(ContactFlowId)),
        ...judge(startChatContactRule, body, (request) => chats.start(request)),
      };
    }),
    connectOperation(
      { name: 'StartContactStreaming', method: 'POST', path: '/contact/start-streaming' },
      (body) => {
        const { ContactId } = asRecord(body);
        return {
          ...partiesOf(chats.find(String(ContactId))),
          ...judge(startContactStreamingRule, body, (request) => chats.stream(request)),
        };
      },
    ),
    serviceOperation(
      chats,
      { name: 'CreateParticipantConnection', path: '/participant/connection', token: 'participant' },
      (body, opened) => ({
        ...judge(createParticipantConnectionRule, body, (request) => chats.connect(opened, request)),
        ...(asRecord(body)['ConnectParticipant'] === true && !isStreamed(opened.chat.contactId)
          ? { problems: ['$.ConnectParticipant comes before streaming was started'] }
          : {}),
      }),
    ),
    serviceOperation(
      chats,
      { name: 'SendMessage', path: '/participant/message', token: 'connection' },
      (body, opened) => {
        const call = judge(sendMessageRule, body, (request) => chats.send(opened, request));
        const { Content, ContentType } = asRecord(body);
        return {
          ...call,
          ...(typeof Content === 'string' ? { text: Content } : {}),
          problems: [
            ...call.problems,
            ...(opened.contentTypes.includes(String(ContentType))
              ? []
              : ['$.ContentType is none that the chat supports']),
            ...(opened.isConnected ? [] : ['the participant is not connected yet (ConnectParticipant)']),
          ],
        };
      },
    ),
    serviceOperation(
      chats,
      { name: 'DisconnectParticipant', path: '/participant/disconnect', token: 'connection' },
      (body, opened) => judge(disconnectParticipantRule, body, () => chats.disconnect(opened)),
    ),
  ];
}

type Judged = Pick<PreparedCall, 'request' | 'problems' | 'carryOut'>;

/** `carryOut` is called only where there are no problems. */
function judge<Request>(
  rule: z.ZodType<Request>,
  body: unknown,
  carryOut: (request: Request) => AwsAnswer,
): Judged {
  return {
    request: asRecord(body),
    problems: schemaProblems(rule, body),
    carryOut: () => carryOut(body as Request),
  };
}

function connectOperation(
  route: { readonly name: ConnectOperation; readonly method: 'POST' | 'PUT'; readonly path: string },
  prepare: (body: unknown) => Omit<PreparedCall, 'operation'>,
): Operation {
  return {
    ...route,
    isIamAction: true,
    invalid: 'InvalidRequestException',
    refuseCaller: refuseUnsigned,
    prepare: (body) => ({ operation: route.name, ...prepare(body) }),
  };
}

function serviceOperation(
  chats: ParticipantChats,
  route: {
    readonly name: ConnectOperation;
    readonly path: string;
    readonly token: 'participant' | 'connection';
  },
  prepare: (body: unknown, opened: ParticipantChat) => Judged & Pick<PreparedCall, 'text'>,
): Operation {
  const { name, path } = route;
  const admit = (headers: http.IncomingHttpHeaders): ParticipantChat | undefined =>
    route.token === 'participant'
      ? chats.admitParticipant(bearerOf(headers))
      : chats.admitConnection(bearerOf(headers));
  return {
    name,
    path,
    method: 'POST',
    isIamAction: false,
    invalid: 'ValidationException',
    refuseCaller: (headers) => (admit(headers) ? undefined : accessDenied()),
    prepare: (body, headers) => {
      const opened = chats.holderOf(bearerOf(headers));
      if (!opened) return { operation: name, ...partiesOf(opened), ...NOBODY };
      const call = prepare(body, opened);
      // Whoever had to wait may come too late.
      const carryOut = (): AwsAnswer => (admit(headers) ? call.carryOut() : accessDenied());
      return { operation: name, ...partiesOf(opened), ...call, carryOut };
    },
  };
}

const NOBODY: Judged = { request: {}, problems: [], carryOut: accessDenied };

function accessDenied(): AwsAnswer {
  return refusal(403, 'AccessDeniedException', 'Access denied');
}

function bearerOf(headers: http.IncomingHttpHeaders): string {
  const bearer = headers['x-amz-bearer'];
  return typeof bearer === 'string' ? bearer : '';
}

function partiesOf(opened: ParticipantChat | undefined): Pick<PreparedCall, 'sourceId' | 'destinationId'> {
  return { sourceId: opened?.chat.sourceId ?? '', destinationId: opened?.chat.destinationId ?? '' };
}
