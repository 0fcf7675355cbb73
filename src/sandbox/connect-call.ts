/** What the stand-in's operations have in common: a request is understood, judged, and only then carried out. */
import type http from 'node:http';
import type { AwsAnswer } from './aws-answer.ts';

const CONNECT_OPERATIONS = [
  'SendChatIntegrationEvent',
  'StartChatContact',
  'StartContactStreaming',
  'CreateParticipantConnection',
  'SendMessage',
  'DisconnectParticipant',
] as const;
export type ConnectOperation = (typeof CONNECT_OPERATIONS)[number];

/** A request, as those see it who choose faults and read records. */
export interface ConnectCall {
  readonly operation: ConnectOperation;
  /** The customer's address; empty where the request doesn't lead to one. */
  readonly sourceId: string;
  /** DestinationId, or `placeOf` the chat. */
  readonly destinationId: string;
  /** Of one that brings a message. */
  readonly text?: string;
  /** Its body; the `request` of the line that it brings is the very same. */
  readonly request: object;
}

export interface PreparedCall extends ConnectCall {
  /** What the API's rules have against it. */
  readonly problems: readonly string[];
  readonly carryOut: () => AwsAnswer;
}

export interface Operation {
  readonly name: ConnectOperation;
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  /** Connect's own API, for IAM to allow; the Participant Service's go by tokens. */
  readonly isIamAction: boolean;
  /** The error's name where a rule is broken. */
  readonly invalid: 'InvalidRequestException' | 'ValidationException';
  /** Where the caller is nobody: the answer. */
  readonly refuseCaller: (headers: http.IncomingHttpHeaders) => AwsAnswer | undefined;
  readonly prepare: (body: unknown, headers: http.IncomingHttpHeaders) => PreparedCall;
}
