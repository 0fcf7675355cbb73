/** A Connect that costs as little as it can: it takes whatever comes, at once, after a while, or not yet. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent, machineClockMs } from './helper-process.ts';

type Answering = { readonly afterMs: number } | 'hold';

let answering: Answering = { afterMs: 0 };
let received = 0;
let answered = 0;
/** When each message came in, by the number that its text begins with; kept where that is asked for. */
let receiptsAt: Record<number, number> | undefined;
let firstReceiptAt: number | undefined;
const held = new Set<http.ServerResponse>();

const server = http.createServer((request, response) => {
  const receivedAt = machineClockMs();
  received += 1;
  firstReceiptAt ??= receivedAt;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (receiptsAt) noteReceipt(receiptsAt, Buffer.concat(chunks).toString(), receivedAt);
    if (answering === 'hold') held.add(response);
    else if (answering.afterMs === 0) answer(response);
    else setTimeout(answer, answering.afterMs, response);
  });
});
server.keepAliveTimeout = 60_000;

function noteReceipt(receipts: Record<number, number>, body: string, at: number): void {
  const number = /"#(\d+) /.exec(body)?.[1];
  if (number !== undefined) receipts[Number(number)] = at;
}

function answer(response: http.ServerResponse): void {
  answered += 1;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 }).end('{}');
}

const operations = {
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  },
  /** Forgets what was, and answers so from now on; what is held is answered if it says no more of holding. */
  answer(how: Answering): void {
    answering = how;
    firstReceiptAt = undefined;
    if (how !== 'hold') for (const response of held) answer(response);
    held.clear();
  },
  counts: () => ({ received, answered, at: machineClockMs() }),
  firstReceiptAt: () => firstReceiptAt,
  keepReceipts(): void {
    receiptsAt = {};
  },
  takeReceipts(): Readonly<Record<number, number>> {
    const taken = receiptsAt ?? {};
    receiptsAt = undefined;
    return taken;
  },
};
export type ConnectOperations = typeof operations;

answerParent(operations);
