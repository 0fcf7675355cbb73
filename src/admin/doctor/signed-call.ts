/**
 * The few calls to STS, IAM, SQS and KMS that `bridge doctor` makes, signed by hand: their four SDK clients would add
 * 10 MB to the image for six operations. The query protocol answers in XML, of which single elements are read; the
 * JSON protocol in JSON. Endpoints are the SDK's own variables (`AWS_ENDPOINT_URL_STS`, …, `AWS_ENDPOINT_URL`).
 */
import { SignatureV4 } from '@smithy/signature-v4';
import type { SignatureV4Init, SignatureV4CryptoInit } from '@smithy/signature-v4';
import type { Environment } from '../../config.ts';
import { PARTITION_DNS_SUFFIXES } from '../../ingest/signing-certificate.ts';

const SERVICES = {
  sts: { protocol: 'query', version: '2011-06-15' },
  iam: { protocol: 'query', version: '2010-05-08' },
  sqs: { protocol: 'json', contentType: 'application/x-amz-json-1.0', target: 'AmazonSQS' },
  kms: { protocol: 'json', contentType: 'application/x-amz-json-1.1', target: 'TrentService' },
} as const;

type ServiceOf<Protocol> = {
  [Name in keyof typeof SERVICES]: (typeof SERVICES)[Name]['protocol'] extends Protocol ? Name : never;
}[keyof typeof SERVICES];

/** Of the partitions that SNS's hosts are known of: IAM has one Region in each. */
const IAM_PLACES: Readonly<Record<string, { readonly host: string; readonly region: string }>> = {
  aws: { host: 'iam.amazonaws.com', region: 'us-east-1' },
  'aws-us-gov': { host: 'iam.us-gov.amazonaws.com', region: 'us-gov-west-1' },
  'aws-cn': { host: 'iam.cn-north-1.amazonaws.com.cn', region: 'cn-north-1' },
  'aws-eusc': { host: 'iam.eusc-de-east-1.amazonaws.eu', region: 'eusc-de-east-1' },
};

const CALL_TIMEOUT_MS = 6_000;

export interface Signing {
  readonly env: Environment;
  readonly region: string;
  readonly credentials: SignatureV4Init['credentials'];
  readonly sha256: SignatureV4CryptoInit['sha256'];
}

/** Resolves to the XML of the answer. Rejects with an Error whose name is AWS's code. */
export async function callQuery(
  service: ServiceOf<'query'>,
  action: string,
  parameters: Readonly<Record<string, string>>,
  signing: Signing,
): Promise<string> {
  const form = new URLSearchParams({ Action: action, Version: SERVICES[service].version, ...parameters });
  const { status, text } = await post(
    service,
    form.toString(),
    { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    signing,
  );
  if (status !== 200) throw awsError(status, xmlText(text, 'Code'), xmlText(text, 'Message'));
  return text;
}

/** Resolves to the answer's JSON. Rejects with an Error whose name is AWS's code. */
export async function callJson(
  service: ServiceOf<'json'>,
  operation: string,
  input: object,
  signing: Signing,
): Promise<Readonly<Record<string, unknown>>> {
  const { contentType, target } = SERVICES[service];
  const headers = { 'content-type': contentType, 'x-amz-target': `${target}.${operation}` };
  const { status, text } = await post(service, JSON.stringify(input), headers, signing);
  const answer = parseObject(text);
  if (status === 200) return answer;
  const { __type: type, message = answer['Message'] } = answer;
  throw awsError(status, textOf(type)?.replace(/^.*#/, ''), textOf(message));
}

/** The text of the first element of this name. */
export function xmlText(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

async function post(
  service: keyof typeof SERVICES,
  body: string,
  headers: Readonly<Record<string, string>>,
  { env, region, credentials, sha256 }: Signing,
): Promise<{ status: number; text: string }> {
  const place = placeOf(service, region, env);
  const { url } = place;
  const signer = new SignatureV4({ service, region: place.region, credentials, sha256 });
  const signed = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port ? { port: Number(url.port) } : {}),
    path: url.pathname,
    headers: { host: url.host, ...headers },
    body,
  });
  const { host: _, ...sent } = signed.headers; // fetch sets it itself, to the same
  const response = await fetch(url, {
    method: 'POST',
    headers: sent,
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  }).catch((error: unknown) => {
    // fetch says no more than that it failed; its cause says why.
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
  });
  return { status: response.status, text: await response.text() };
}

function placeOf(
  service: keyof typeof SERVICES,
  region: string,
  env: Environment,
): { readonly url: URL; readonly region: string } {
  const partition = partitionOf(region);
  const iam = service === 'iam' ? IAM_PLACES[partition] : undefined;
  const host = iam?.host ?? `${service}.${region}.${PARTITION_DNS_SUFFIXES[partition]}`;
  const override = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || env['AWS_ENDPOINT_URL'];
  return { url: new URL(override || `https://${host}/`), region: iam?.region ?? region };
}

/** By the Region's name: the SDK's own table of partitions goes by it, too. */
function partitionOf(region: string): string {
  const [first = ''] = region.split('-');
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  return first === 'cn' ? 'aws-cn' : first === 'eusc' ? 'aws-eusc' : 'aws';
}

function awsError(status: number, code: string | undefined, message: string | undefined): Error {
  const error = Object.assign(new Error(message || `HTTP ${status}`), {
    $metadata: { httpStatusCode: status },
  });
  error.name = code || 'Error';
  return error;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
