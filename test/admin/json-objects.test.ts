import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitJsonObjects } from '../../src/admin/json-objects.ts';

async function* inChunks<Chunk>(chunks: readonly Chunk[]): AsyncGenerator<Chunk> {
  yield* chunks;
}

async function split(...chunks: readonly (string | Uint8Array)[]): Promise<string[]> {
  const objects: string[] = [];
  for await (const object of splitJsonObjects(inChunks(chunks))) objects.push(object);
  return objects;
}

describe('splitJsonObjects', () => {
  it.each<[string, string, string[]]>([
    ['one object', '{"a":1}', ['{"a":1}']],
    ['one over many lines', '{\n  "a": {\n "b": [] }\n}\n', ['{\n  "a": {\n "b": [] }\n}']],
    ['an array', '[{"a":1}, {"b":2}]', ['{"a":1}', '{"b":2}']],
    ['one a line', '{"a":1}\n{"b":2}\r\n\n{"c":3}', ['{"a":1}', '{"b":2}', '{"c":3}']],
    ['several arrays', '[{"a":1}]\n[]\n[{"b":2}]', ['{"a":1}', '{"b":2}']],
    [
      'brackets and quotes in texts',
      '{"a":"}\\"{[\\\\"}{"b":"\\\\\\""}',
      ['{"a":"}\\"{[\\\\"}', '{"b":"\\\\\\""}'],
    ],
    ['a byte order mark', '\uFEFF{"a":1}', ['{"a":1}']],
    ['nothing', '', []],
    ['white space', ' \n', []],
    ['an empty array', '[]', []],
  ])('%s', async (_name, text, expected) => {
    expect(await split(text)).toEqual(expected);
  });

  it('whatever the texts hold, and wherever the chunks end', async () => {
    const object = fc.dictionary(fc.string(), fc.string({ unit: 'binary' }), { maxKeys: 3 });
    const property = fc.asyncProperty(
      fc.array(object, { maxLength: 4 }),
      fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 20 }),
      async (objects, sizes) => {
        const bytes = Buffer.from(objects.map((object) => JSON.stringify(object)).join('\n'));
        const chunks: Uint8Array[] = [];
        for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
          const size = 1 + (sizes[turn % sizes.length] ?? 0);
          chunks.push(bytes.subarray(start, start + size));
          start += size;
        }
        const parsed = (await split(...chunks)).map((text) => JSON.parse(text) as unknown);
        expect(parsed).toEqual(JSON.parse(JSON.stringify(objects)));
      },
    );
    await fc.assert(property);
  });

  it.each([
    ['something else', '{"a":1}\nhello', 'After 1 objects comes something else than an object.'],
    ['a text in an array', '["a"]', 'After 0 objects comes something else'],
    ['an end too early', '{"a":1}{"b":', 'After 1 objects comes an object that does not end.'],
    ['brackets alone', ']]],,,', 'After 0 objects comes a bracket without its other.'],
    ['an object without bound', `{"a":"${'x'.repeat(33 * 1024 * 1024)}"}`, 'too long'],
  ])('refuses %s, and quotes nothing', async (_name, text, complaint) => {
    await expect(split(text)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining(complaint),
    });
  });

  it('gives what came before the fault', async () => {
    const objects: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const object of splitJsonObjects(inChunks(['{"a":1} x']))) objects.push(object);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(objects).toEqual(['{"a":1}']);
  });

  it('refuses what is not UTF-8', async () => {
    await expect(split(Uint8Array.of(0x7b, 0xff, 0x7d))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(split('{}', Uint8Array.of(0xc3))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
