/** Answers of AWS's JSON APIs (restJson1): an error's name is in a header, its sentence in the body. */
import crypto from 'node:crypto';
import type http from 'node:http';

export interface AwsAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function accepted(body: unknown): AwsAnswer {
  return { status: 200, body };
}

export function refusal(status: number, type: string, message: string | null = null): AwsAnswer {
  return { status, body: { Message: message }, headers: { 'x-amzn-errortype': type } };
}

/** Gives back the status. */
export function writeAnswer(response: http.ServerResponse, { status, body, headers }: AwsAnswer): number {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-amzn-requestid': crypto.randomUUID(),
    ...headers,
  });
  response.end(JSON.stringify(body));
  return status;
}
