/** What errors mean to the steps of the participant method: the table of verdicts (send-outcome.ts), and what differs. */
import type { ChatOperation } from '../api-quotas.ts';
import type { SendFailure } from '../send-outcome.ts';

/** In the order in which a chat goes through them. */
const STEPS: readonly string[] = [
  'StartChatContact',
  'StartContactStreaming',
  'CreateParticipantConnection',
  'SendMessage',
] satisfies readonly ChatOperation[];

type Change = Partial<Pick<SendFailure, 'verdict' | 'remedy'>>;

const MEND_PLACE =
  'Connect knows no such instance or flow here: check the route’s instanceId, contactFlowId and Region.';
const MEND_STREAMING =
  'Connect can’t stream this chat: the topic (REPLY_TOPIC_ARNS or streamingEndpointArn) has to be a standard topic in the instance’s Region whose policy lets connect.amazonaws.com publish.';
const MEND_NEW_CHAT =
  'The Participant Service refuses a chat that was just opened: look whether the flow ends chats at once (hours of operation, errors), and whether a policy denies execute-api or the VPC endpoint.';

/** By step, and by the code of a failure; what has no row is what the table of verdicts says. */
const CHANGES: Record<ChatOperation, Readonly<Record<string, Change>>> = {
  StartChatContact: {
    AccessDeniedException: allow('connect:StartChatContact'),
    HTTP_403: allow('connect:StartChatContact'),
    ResourceNotFoundException: { remedy: MEND_PLACE },
    HTTP_404: { remedy: MEND_PLACE },
  },
  // The rest is about no message: what is wrong is wrong with the chat or the set-up.
  StartContactStreaming: {
    AccessDeniedException: allow('connect:StartContactStreaming'),
    HTTP_403: allow('connect:StartContactStreaming'),
    InvalidRequestException: { verdict: 'pause', remedy: MEND_STREAMING },
    HTTP_400: { verdict: 'pause', remedy: MEND_STREAMING },
    ResourceNotFoundException: { remedy: MEND_STREAMING },
    HTTP_404: { remedy: MEND_STREAMING },
  },
  CreateParticipantConnection: {
    AccessDeniedException: { remedy: MEND_NEW_CHAT },
    HTTP_403: { remedy: MEND_NEW_CHAT },
    ResourceNotFoundException: { remedy: MEND_NEW_CHAT },
    HTTP_404: { remedy: MEND_NEW_CHAT },
    HTTP_400: { verdict: 'pause', remedy: MEND_NEW_CHAT },
  },
  SendMessage: {
    AccessDeniedException: { remedy: MEND_NEW_CHAT },
    HTTP_403: { remedy: MEND_NEW_CHAT },
    ResourceNotFoundException: { remedy: MEND_NEW_CHAT },
    HTTP_404: { remedy: MEND_NEW_CHAT },
  },
};

function allow(action: string): Change {
  return { remedy: `This role may not open chats: allow ${action} on the instance in its policy.` };
}

/** The code says which step it was: as a metric's label it is still from a closed set. */
export function judgeParticipantError(step: ChatOperation, failure: SendFailure): SendFailure {
  return { ...failure, ...CHANGES[step][failure.code], code: `${step}.${failure.code}` };
}

/** Words of an answer that is IAM's and not the Participant Service's: the chat may be open all the same. */
const IAM_WORDS = /not authorized to perform|explicit deny|identity-based policy|resource-based policy/i;

const CHAT_REFUSALS: ReadonlySet<string> = new Set(['AccessDeniedException', 'HTTP_403']);

const NOT_STREAMED: ReadonlySet<string> = new Set([
  'InvalidRequestException',
  'ResourceNotFoundException',
  'HTTP_400',
  'HTTP_404',
]);

/**
 * What a step is answered with in a chat that has ended. It is no proof: the Participant Service's 403 is the same for a token
 * that has expired, and StartContactStreaming's refusal may be of its topic.
 */
export function isChatRefused(step: ChatOperation, { code, sentence }: SendFailure): boolean {
  switch (step) {
    case 'StartChatContact':
      return false;
    case 'StartContactStreaming':
      return NOT_STREAMED.has(code);
    case 'CreateParticipantConnection':
    case 'SendMessage':
      return CHAT_REFUSALS.has(code) && !IAM_WORDS.test(sentence);
  }
}

/** As many chats as the instance may have at once. */
export function isLimitOfChats({ code }: SendFailure): boolean {
  return code === 'LimitExceededException' || code === 'ServiceQuotaExceededException';
}

/** Whether a step's code says that a request was taken; one that goes back says that it was not. */
export function isParticipantStep(code: string): boolean {
  return STEPS.includes(code);
}

/**
 * Whether a step that went well says that what paused its destination (`Pause.code`) is mended. Where new chats refuse, their
 * first message alone says so: a flow that ends them may do it between any two steps.
 */
export function isPastPause(step: string, pauseCode = ''): boolean {
  const [pausedStep = '', error = ''] = pauseCode.split('.');
  const pausedAt = STEPS.indexOf(pausedStep);
  const isChats = pausedAt >= STEPS.indexOf('CreateParticipantConnection') && CHAT_REFUSALS.has(error);
  return pausedAt >= 0 && !isChats && STEPS.indexOf(step) >= pausedAt;
}
