/** The texts of a message that goes in parts, as both stores keep them. */
export function parseParts(json: unknown): readonly string[] | undefined {
  return typeof json === 'string' ? (JSON.parse(json) as readonly string[]) : undefined;
}
