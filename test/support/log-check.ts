/**
 * Knows everything personal that a test has sent, and finds it again where it must never be: in a log line, in
 * metrics. A number counts as found by its digits but the last two, also inside an id in base64 (Meta's ids hold it so).
 */
export class LogCheck {
  readonly #forbidden = new Map<string, string>();

  addNumber(number: string): void {
    const digits = number.replaceAll(/\D/g, '');
    if (digits.length < SHORTEST) return;
    this.#forbid(digits.slice(-NATIONAL_DIGITS, -SHOWN_DIGITS), `the customer’s number …${digits.slice(-2)}`);
    for (let offset = 0; offset < 3; offset += 1) {
      this.#forbid(base64Inside(digits, offset), `the customer’s number …${digits.slice(-2)}, in base64`);
    }
  }

  addExternalId(id: string): void {
    const bare = id.replace(/^wamid\./, '');
    if (bare.length < SHORTEST) return;
    this.#forbid(bare.slice(0, ID_PREFIX), 'the beginning of an external id');
    this.#forbid(bare.slice(-ID_SUFFIX), 'the end of an external id');
  }

  addText(text: string): void {
    const escaped = JSON.stringify(text.trim()).slice(1, -1);
    if (escaped.length >= SHORTEST) this.#forbid(escaped.slice(0, TEXT_PREFIX), 'a customer’s words');
  }

  /** Everything personal that is in the lines, each with the line's beginning. */
  problemsIn(where: string, lines: readonly string[]): string[] {
    return lines.flatMap((line) =>
      [...this.#forbidden]
        .filter(([text]) => line.includes(text))
        .map(([, what]) => `${what} is in ${where}: ${line.slice(0, 400)}`),
    );
  }

  #forbid(text: string, what: string): void {
    this.#forbidden.set(text, what);
  }
}

/** Shorter than this, a text may stand in a log by chance. */
const SHORTEST = 7;
const NATIONAL_DIGITS = 10;
/** Logs show the last two. */
const SHOWN_DIGITS = 2;
const ID_PREFIX = 16;
const ID_SUFFIX = 12;
const TEXT_PREFIX = 16;

/** The part of a longer base64 text that depends on `text` alone, where `offset` bytes modulo 3 come before it. */
function base64Inside(text: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text.slice(0, -SHOWN_DIGITS))]);
  const wholeBytes = Math.floor(bytes.length / 3) * 3;
  return bytes
    .subarray(0, wholeBytes)
    .toString('base64')
    .slice(offset === 0 ? 0 : 4);
}
