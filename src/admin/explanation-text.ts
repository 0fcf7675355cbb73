import type { Explanation, Identity, PartExplanation, SignatureVerdict, Way } from './explanation.ts';
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
  return `\n${formatTable(rows)}${part.outcome === 'sent' ? formatRequests(part) : ''}`;
}

function describeOutcome(part: PartExplanation): string {
  switch (part.outcome) {
    case 'sent':
      return part.requests.length === 1 ? 'a chat event' : `${part.requests.length} chat events, in order`;
    case 'ignored':
      return `ignored (${part.reason})${part.field === undefined ? '' : `, field ${part.field}`}`;
    case 'dead':
      return `a dead letter (${part.reason}): ${part.detail}`;
  }
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

function formatRequests(part: Extract<PartExplanation, { readonly outcome: 'sent' }>): string {
  const { requests, droppedAttributes } = part;
  const dropped =
    droppedAttributes.length > 0 ? `  No room for the attributes ${droppedAttributes.join(', ')}.\n` : '';
  return (
    dropped +
    requests
      .map((request, index) => {
        const count = requests.length === 1 ? '' : ` ${index + 1} of ${requests.length}`;
        const read = indent(request.Event?.Content ?? '', '  | ');
        return `  The agent reads${count}:\n${read}  SendChatIntegrationEvent${count}:\n${indent(JSON.stringify(request, undefined, 2), '  ')}`;
      })
      .join('')
  );
}

function indent(text: string, margin: string): string {
  return text
    .split('\n')
    .map((line) => `${margin}${line}\n`)
    .join('');
}
