import type { z } from 'zod';

/**
 * What is wrong with a value by a schema, each as a JSON path and a sentence (`$.Event.Content is required`), without
 * the value itself. Empty: nothing is wrong.
 */
export function schemaProblems(schema: z.ZodType, value: unknown): string[] {
  const parsed = schema.safeParse(value, { error: describeIssue });
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${jsonPath([...issue.path, key])} is not known`)
      : [`${jsonPath(issue.path)} ${issue.message}`],
  );
}

function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_key') return `may have letters, digits, - and _ only in its key`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined ? 'is required' : `must be of type ${issue.expected}`;
}

function jsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => text + pathStep(key), '$');
}

function pathStep(key: PropertyKey): string {
  if (typeof key === 'number') return `[${key}]`;
  return PLAIN_KEY_PATTERN.test(String(key)) ? `.${String(key)}` : `[${JSON.stringify(String(key))}]`;
}

const PLAIN_KEY_PATTERN = /^[A-Za-z0-9_-]+$/;
