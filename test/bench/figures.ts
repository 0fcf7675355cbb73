/** What the bench measures and what is asked of it. docs/performance.md says how each is measured, and what limits it. */
import { median } from './statistics.ts';

/** What a figure is held to: its share of what it is compared with, or how far it is above that. */
interface Demand {
  readonly by: 'ratio' | 'difference';
  readonly better: 'more' | 'less';
  readonly atLeast: number;
  readonly aim: number;
}

interface Figure extends Demand {
  readonly name: string;
  readonly comparedWith: string;
  readonly unit: string;
  /** What a run does not have by itself. */
  readonly takes?: string;
}

const SHARE = { by: 'ratio', better: 'more', unit: '/s' } as const;
const COST = { by: 'difference', better: 'less' } as const;

export const FIGURES = {
  acceptedFloor: {
    ...SHARE,
    name: 'accepted, Connect holding its answers',
    comparedWith: 'floor',
    atLeast: 0.4,
    aim: 0.8,
  },
  acceptedPeer: {
    ...SHARE,
    name: 'accepted, Connect holding its answers',
    comparedWith: 'peer',
    atLeast: 1.3,
    aim: 2.5,
  },
  acceptedDelivering: {
    ...SHARE,
    name: 'accepted, delivering at full speed',
    comparedWith: 'floor',
    atLeast: 0.15,
    aim: 0.3,
  },
  delivered: {
    ...SHARE,
    name: 'delivered, pace unlimited',
    comparedWith: 'bare SDK loop',
    atLeast: 0.85,
    aim: 1.2,
  },
  latencyHalf: {
    ...COST,
    name: 'POST to Connect’s receipt, p50',
    comparedWith: 'bare SDK call',
    unit: 'ms',
    atLeast: 3,
    aim: 1.5,
  },
  latencyMost: {
    ...COST,
    name: 'POST to Connect’s receipt, p99',
    comparedWith: 'bare SDK call',
    unit: 'ms',
    atLeast: 10,
    aim: 5,
  },
  backlogClaim: {
    by: 'ratio',
    better: 'less',
    name: 'backlog: claim of 64 heads',
    comparedWith: '1,000 messages',
    unit: 'ms',
    atLeast: 1.5,
    aim: 1.1,
  },
  backlogMemory: {
    ...COST,
    name: 'backlog: memory of the process',
    comparedWith: 'empty store',
    unit: 'MB',
    atLeast: 150,
    aim: 60,
  },
  backlogStart: {
    ...COST,
    name: 'backlog: start to first delivery',
    comparedWith: 'nothing',
    unit: 's',
    atLeast: 2,
    aim: 1,
  },
  start: {
    ...COST,
    name: 'start to 200 on /healthz, empty',
    comparedWith: 'node -e 0',
    unit: 's',
    atLeast: 0.8,
    aim: 0.4,
  },
  imageSize: {
    ...COST,
    name: 'image size',
    comparedWith: 'its base image',
    unit: 'MB',
    atLeast: 60,
    aim: 15,
    takes: 'a container engine',
  },
  soakMemory: {
    ...COST,
    name: 'soak: growth of memory',
    comparedWith: 'flat',
    unit: 'MB/min',
    atLeast: 1,
    aim: 0.2,
    takes: '--soak',
  },
  soakLag: {
    ...COST,
    name: 'soak: growth of the lag',
    comparedWith: 'flat',
    unit: 'messages/min',
    atLeast: 10,
    aim: 1,
    takes: '--soak',
  },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof FIGURES;

/** Both in the figure's unit, taken one right after the other. */
export interface Sample {
  readonly measured: number;
  readonly compared: number;
}

export type Samples = Partial<Record<FigureName, readonly Sample[]>>;

export type Verdict = 'aim' | 'at least' | 'missed';

interface Judgement {
  readonly measured: number;
  readonly compared: number;
  /** By the figure's demand. A median of each pair's own, since the machine is as busy for both of a pair. */
  readonly result: number;
  readonly verdict: Verdict;
}

export interface Row {
  readonly figure: Figure;
  /** Undefined where the run did not measure it. */
  readonly judgement: Judgement | undefined;
}

export function judge(samples: Samples): readonly Row[] {
  return Object.entries<Figure>(FIGURES).map(([name, figure]) => {
    const taken = samples[name as FigureName];
    return { figure, judgement: taken && judgeFigure(figure, taken) };
  });
}

function judgeFigure(figure: Figure, samples: readonly Sample[]): Judgement {
  const result = median(
    samples.map(({ measured, compared }) =>
      figure.by === 'ratio' ? measured / compared : measured - compared,
    ),
  );
  const reaches = (bound: number): boolean => (figure.better === 'more' ? result >= bound : result <= bound);
  return {
    measured: median(samples.map(({ measured }) => measured)),
    compared: median(samples.map(({ compared }) => compared)),
    result,
    verdict: reaches(figure.aim) ? 'aim' : reaches(figure.atLeast) ? 'at least' : 'missed',
  };
}

const HEADING = ['figure', 'measured', 'compared with', '', 'result', 'at least', 'aim', 'reached'];

/** As Markdown, for docs/performance.md. */
export function describeRows(rows: readonly Row[]): string {
  const lines = [HEADING, ...rows.map(describeRow)];
  const widths = HEADING.map((_, column) => Math.max(3, ...lines.map((cells) => cells[column]?.length ?? 0)));
  const [heading = '', ...body] = lines.map(
    (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return `${[heading, rule, ...body].join('\n')}\n`;
}

function describeRow({ figure, judgement }: Row): string[] {
  const { name, comparedWith, unit, by, better, takes } = figure;
  const relation = better === 'more' ? '≥' : '≤';
  const show = (value: number): string =>
    by === 'ratio' ? `${value.toFixed(2)} ×` : `${signed(value)} ${unit}`;
  return [
    name,
    judgement ? `${plain(judgement.measured)} ${unit}` : '–',
    comparedWith,
    judgement ? `${plain(judgement.compared)} ${unit}` : '–',
    judgement ? show(judgement.result) : '–',
    `${relation} ${show(figure.atLeast)}`,
    `${relation} ${show(figure.aim)}`,
    judgement?.verdict ?? `not measured${takes ? `: takes ${takes}` : ''}`,
  ];
}

function plain(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${plain(Math.abs(value))}`;
}
