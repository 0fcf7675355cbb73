import type {
  ExplainedRequest,
  Explanation,
  Identity,
  PartExplanation,
  SignatureVerdict,
  Way,
} from './explanation.ts';
import { formatTable } from './table.ts';

/** An explanation as people read it. */
export function formatExplanation(explanation: Explanation): string {
  const { index, shape, signature, madeUp, parts } = explanation;
  const head = [
    ['Payload', `${index}, ${shape}`],
    ...(signature ? [['Signature', describeSignature(signature)]] : []),
    ...(madeUp.length > 0 ? [['Made up', madeUp.join('; ')]] : []),
    ...(parts.length === 0 ? [['Becomes', 'nothing: the envelope is no notification']] : []),
  ];
  return [
    formatTable(head, ''),
    ...parts.map((part, at) => formatPart(part, `${index}.${at + 1}`)),
    '\n',
  ].join('');
}

function describeSignature(signature: SignatureVerdict): string {
  switch (signature.verdict) {
    case 'verified':
      return 'verified';
    case 'unsigned':
      return 'none: the service would refuse it';
    case 'unchecked':
      return 'unchecked: its certificate is not in SNS_CERT_DIR, and none is fetched';
    case 'refused':
      return `refused (${signature.code}), SNS would get ${signature.answer}; without that:`;
  }
}

function formatPart(part: PartExplanation, number: string): string {
  const rows = [
    ['Part', number],
    ['Becomes', describeOutcome(part)],
    ...(part.message ? describeIdentity(part.message) : []),
    ...(part.outcome === 'sent' ? describeWay(part.way) : []),
  ];
  return `\n${formatTable(rows)}${formatContent(part)}`;
}

function describeOutcome(part: PartExplanation): string {
  switch (part.outcome) {
    case 'sent':
      return describeSent(part.requests);
    case 'reply':
      return `a reply (${part.content}) to the customer of the chat ${part.contactId}, if the bridge opened it`;
    case 'chatEnded':
      return `the end of the chat ${part.contactId}: the customer's next message opens a new one`;
    case 'ignored':
      return `ignored (${part.reason})${part.field === undefined ? '' : `, field ${part.field}`}`;
    case 'dead':
      return `a dead letter (${part.reason}): ${part.detail}`;
  }
}

function describeSent(requests: readonly ExplainedRequest[]): string {
  const texts = requests.filter(({ operation }) => operation !== 'StartChatContact').length;
  const word = texts === requests.length ? 'chat event' : 'message in a chat of the bridge’s own';
  return texts === 1 ? `a ${word}` : `${texts} ${word.replace(/^(chat event|message)/, '$1s')}, in order`;
}

function describeIdentity(message: Identity): string[][] {
  const { channel, content, customerAddress, customerAddressKind, customerNumber } = message;
  return [
    ['Message', `${channel}, ${content}`],
    ['Customer', `${customerAddress} (${customerAddressKind})`],
    ...(customerNumber === undefined || customerNumber === customerAddress
      ? []
      : [['Number', customerNumber]]),
    ['Business', message.businessAddress],
    ['External id', message.externalId],
    ['Sent', message.sentAt],
  ];
}

function describeWay({ route, destination, region, roleArn }: Way): string[][] {
  return [
    ['Route', route ?? 'none: the ARN in the notification serves'],
    ['Destination', destination],
    ['Region', region],
    ...(roleArn === undefined ? [] : [['Role', roleArn]]),
  ];
}

function formatContent(part: PartExplanation): string {
  if (part.outcome === 'sent') return formatRequests(part);
  return part.outcome === 'reply' ? `  The customer reads:\n${indent(part.text, '  | ')}` : '';
}

function formatRequests(part: Extract<PartExplanation, { readonly outcome: 'sent' }>): string {
  const { requests, droppedAttributes } = part;
  const texts = requests.filter(({ operation }) => operation !== 'StartChatContact');
  const dropped =
    droppedAttributes.length > 0 ? `  No room for the attributes ${droppedAttributes.join(', ')}.\n` : '';
  return dropped + requests.map((request) => formatRequest(request, texts)).join('');
}

function formatRequest(request: ExplainedRequest, texts: readonly ExplainedRequest[]): string {
  const { operation, input } = request;
  const json = indent(JSON.stringify(input, undefined, 2), '  ');
  if (operation === 'StartChatContact') return `  ${operation}, if no chat is open:\n${json}`;
  const count = texts.length === 1 ? '' : ` ${texts.indexOf(request) + 1} of ${texts.length}`;
  return `  The agent reads${count}:\n${indent(request.content, '  | ')}  ${operation}${count}:\n${json}`;
}

function indent(text: string, margin: string): string {
  return text
    .split('\n')
    .map((line) => `${margin}${line}\n`)
    .join('');
}
