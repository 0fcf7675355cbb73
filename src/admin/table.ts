/** Rows as columns of text, two spaces apart, each as wide as its widest cell. */
export function formatTable(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => textWidth(row[column] ?? ''))),
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - textWidth(cell))).join('  '),
  );
  return lines.map((line) => `${indent}${line.trimEnd()}\n`).join('');
}

const WIDE = /\p{Extended_Pictographic}/u;

/** Emoji take two columns in a terminal. */
function textWidth(text: string): number {
  return [...new Intl.Segmenter().segment(text)].reduce(
    (width, { segment }) => width + (WIDE.test(segment) && segment.length > 1 ? 2 : 1),
    0,
  );
}
