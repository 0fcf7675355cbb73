/** How the stand-ins of AWS's services do wrong, as a fault tells them to. */
import type http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { refusal, writeAnswer } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';
import type { Fault } from './connect-faults.ts';

/** A request that a fault is for. */
export interface FaultyRequest<Told extends Fault> {
  readonly response: http.ServerResponse;
  /** Carries it out, and says what the answer would be. Undefined: it can't be carried out. */
  readonly take: () => AwsAnswer | undefined;
  readonly refuse: (fault: Extract<Told, { type: string }>) => AwsAnswer;
}

export class Misbehaviour<Told extends Fault = Fault> {
  readonly #hanging = new Set<http.ServerResponse>();

  /** Gives back the status of the answer; undefined where none was given. */
  async play(fault: Told, { response, take, refuse }: FaultyRequest<Told>): Promise<number | undefined> {
    switch (fault.kind) {
      case 'answer':
        return writeAnswer(response, refuse(fault as Extract<Told, { type: string }>));
      case 'takenButAnswer':
        take();
        return writeAnswer(response, refuse(fault as Extract<Told, { type: string }>));
      case 'answerNoJson':
        response
          .writeHead(fault.status, { 'content-type': 'text/html' })
          .end('<html><body>Try later.</body></html>');
        return fault.status;
      case 'delay':
        await delay(fault.ms);
        return writeAnswer(response, take() ?? refusal(400, 'ValidationException'));
      case 'takenButHang':
        take();
        return this.#hang(response);
      case 'hang':
        return this.#hang(response);
      case 'takenButDrop':
        take();
        response.destroy();
        return undefined;
      case 'drop':
        response.destroy();
        return undefined;
    }
  }

  /** Breaks the connections of the requests that hang. */
  releaseHanging(): void {
    for (const response of this.#hanging) response.destroy();
  }

  #hang(response: http.ServerResponse): undefined {
    this.#hanging.add(response);
    response.once('close', () => this.#hanging.delete(response));
    return undefined;
  }
}
