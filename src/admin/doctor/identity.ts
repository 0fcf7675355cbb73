/** Who the bridge is to AWS, and where it calls. */
import { hasFault } from './ask.ts';
import { ok, warning, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { homePlace, topicRegions } from './examination.ts';
import type { Examination } from './examination.ts';

export function identityChecks(examination: Examination): readonly Check[] {
  const { config } = examination;
  const roles = new Map(
    config.routes.flatMap(({ roleArn, region }) =>
      roleArn ? [[roleArn, region ?? homePlace(config).region] as const] : [],
    ),
  );
  return [
    { id: 'credentials', title: 'credentials', run: () => checkCredentials(examination) },
    { id: 'region', title: 'Region', run: async () => checkRegion(examination) },
    ...[...roles].map(([roleArn, region]) => ({
      id: `role/${roleArn}`,
      title: `role ${roleArn}`,
      run: () => checkRole(roleArn, region, examination),
    })),
  ];
}

async function checkCredentials({ config, readings }: Examination): Promise<Finding> {
  try {
    const { arn, account } = await readings.identity(homePlace(config));
    return ok(`${arn}, account ${account}`);
  } catch (error) {
    if (!hasFault(error, 'credentials')) throw error;
    return wrong(
      `none that AWS takes: ${error.message}`,
      'give the process a role (its task’s or instance’s), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; look at the machine’s clock',
    );
  }
}

function checkRegion({ config }: Examination): Finding {
  const regions = topicRegions(config);
  const { fallbackRegion } = config;
  if (fallbackRegion === undefined)
    return ok(`topics in ${regions.join(', ')}; AWS_REGION is not set, and not needed`);
  if (regions.includes(fallbackRegion)) return ok(`${fallbackRegion}, where the topics are`);
  return warning(
    `AWS_REGION is ${fallbackRegion}, but the topics are in ${regions.join(', ')}`,
    'set AWS_REGION to the topics’ Region, unless your Connect instance is in another one on purpose',
  );
}

/** By getting its credentials and using them. */
async function checkRole(roleArn: string, region: string, { readings }: Examination): Promise<Finding> {
  try {
    const { account } = await readings.identity({ region, roleArn });
    return ok(`can be assumed, in account ${account}`);
  } catch (error) {
    if (!hasFault(error, 'credentials')) throw error;
    return wrong(
      `can't be assumed: ${error.message}`,
      `allow sts:AssumeRole on it to the bridge's role, and name the bridge's role in its trust policy`,
    );
  }
}
