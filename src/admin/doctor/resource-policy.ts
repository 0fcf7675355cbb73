/**
 * Whether a resource's policy lets an AWS service do something. AWS has no call that answers this for service
 * principals, so the policy is read here: statements by service principal, action, resource, and conditions as far as
 * what they ask for is known. What can't be known makes the answer `perhaps`, never a guess.
 */

export interface Access {
  /** Such as `sns.amazonaws.com`. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** Condition keys in lower case. `undefined`: not known; `null`: surely absent from such a request. */
  readonly context: Readonly<Record<string, string | null | undefined>>;
}

export type Judgement = 'yes' | 'no' | 'perhaps';

type Json = Readonly<Record<string, unknown>>;

/** Of what a policy's text allows; text that is no policy allows nothing. */
export function judgePolicy(text: string | undefined, access: Access): Judgement {
  const statements = readStatements(text);
  const denials = judgements(statements, 'Deny', access);
  if (denials.includes('yes')) return 'no';
  const permissions = judgements(statements, 'Allow', access);
  if (permissions.includes('yes')) return denials.includes('perhaps') ? 'perhaps' : 'yes';
  return permissions.includes('perhaps') ? 'perhaps' : 'no';
}

function readStatements(text: string | undefined): readonly Json[] {
  try {
    const { Statement } = JSON.parse(text ?? '{}') as { Statement?: unknown };
    return list(Statement).filter((one): one is Json => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
}

function judgements(statements: readonly Json[], effect: string, access: Access): readonly Judgement[] {
  return statements
    .filter((statement) => statement['Effect'] === effect)
    .map((statement) => judgeStatement(statement, access));
}

function judgeStatement(statement: Json, { principal, action, resource, context }: Access): Judgement {
  if (!matchesPrincipal(statement, principal)) return 'no';
  if (!matchesAny(statement['Action'], action.toLowerCase(), (pattern) => pattern.toLowerCase())) {
    if (!('NotAction' in statement)) return 'no';
    if (matchesAny(statement['NotAction'], action.toLowerCase(), (pattern) => pattern.toLowerCase()))
      return 'no';
  }
  if ('NotResource' in statement) return 'perhaps';
  if (!matchesAny(statement['Resource'], resource)) return 'no';
  const conditions = judgeConditions(statement['Condition'], context);
  return conditions.includes('no') ? 'no' : conditions.includes('perhaps') ? 'perhaps' : 'yes';
}

function matchesPrincipal(statement: Json, principal: string): boolean {
  if ('NotPrincipal' in statement) return !namesPrincipal(statement['NotPrincipal'], principal);
  return namesPrincipal(statement['Principal'], principal);
}

function namesPrincipal(value: unknown, principal: string): boolean {
  if (value === '*') return true;
  const { Service, AWS } = (value ?? {}) as Json;
  return list(Service).includes(principal) || list(Service).includes('*') || list(AWS).includes('*');
}

function judgeConditions(conditions: unknown, context: Access['context']): readonly Judgement[] {
  return Object.entries((conditions ?? {}) as Json).flatMap(([operator, keys]) =>
    Object.entries((keys ?? {}) as Json).map(([key, values]) =>
      judgeCondition(operator, list(values).map(String), context[key.toLowerCase()]),
    ),
  );
}

function judgeCondition(
  operator: string,
  values: readonly string[],
  actual: string | null | undefined,
): Judgement {
  const [, negation, comparison = '', ifExists] =
    /^(?:String|Arn|Bool)(Not)?(Equals|Like|EqualsIgnoreCase|)(IfExists)?$/.exec(operator) ?? [];
  if (comparison === '' && !operator.startsWith('Bool')) return 'perhaps';
  if (actual === undefined) return 'perhaps';
  if (actual === null) return negation || ifExists ? 'yes' : 'no';
  const isWild = comparison === 'Like' || operator.startsWith('Arn');
  const isEqual = values.some((value) =>
    isWild ? matchesPattern(value, actual) : value.toLowerCase() === actual.toLowerCase(),
  );
  return isEqual === (negation === undefined) ? 'yes' : 'no';
}

function matchesAny(
  patterns: unknown,
  text: string,
  prepare = (pattern: string): string => pattern,
): boolean {
  return list(patterns).some((pattern) => matchesPattern(prepare(String(pattern)), text));
}

/** IAM's own: `*` is any run of characters, `?` one. */
function matchesPattern(pattern: string, text: string): boolean {
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(text);
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
