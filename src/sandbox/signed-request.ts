import type http from 'node:http';
import { refusal } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';

const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/connect\/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$/;

/** Connect's own API takes signed requests only; whether the signature is right, the stand-in can't tell. */
export function refuseUnsigned({ authorization = '' }: http.IncomingHttpHeaders): AwsAnswer | undefined {
  return SIGNED.test(authorization)
    ? undefined
    : refusal(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
}
