/** The part that a claim is for. */
export function partAt(parts: readonly string[], index: number): string {
  const part = parts[index];
  if (part === undefined) throw new Error('A message has fewer parts than were delivered of it.');
  return part;
}
