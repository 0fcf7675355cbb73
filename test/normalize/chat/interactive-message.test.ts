import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInteractiveMessage } from '../../../src/normalize/chat/interactive-message.ts';
import { isVisible } from '../../../src/normalize/visible-text.ts';
import { interactiveContent } from '../../fixtures/chat-item.ts';

type Fields = Readonly<Record<string, unknown>>;

const PICTURE = {
  imageType: 'URL',
  imageData: 'https://pictures.example/a.png',
  imageDescription: 'A picture',
};

const FLIGHTS = {
  templateType: 'Panel',
  version: '1.0',
  templateIdentifier: 'template-1',
  data: {
    content: {
      title: 'Flights',
      subtitle: 'From Seattle',
      elements: [
        { title: 'Book', subtitle: 'By card' },
        { title: 'Terms', type: 'hyperlink', url: 'https://air.example/terms' },
      ],
    },
  },
} as const;

const CASES: Readonly<
  Record<
    string,
    { readonly template: Fields; readonly lines: readonly string[]; readonly choices: readonly Fields[] }
  >
> = {
  ListPicker: {
    template: {
      title: 'Which fruit?',
      subtitle: 'Tap one',
      ...PICTURE,
      elements: [
        { title: 'Apple', subtitle: '$1.00', ...PICTURE },
        { title: 'Pear' },
        { title: 'Show more', actionDetail: 'SHOW_MORE' },
      ],
    },
    lines: ['Which fruit?', 'Tap one'],
    choices: [{ title: 'Apple', description: '$1.00' }, { title: 'Pear' }, { title: 'Show more' }],
  },
  Panel: {
    template: {
      title: 'How can we help?',
      elements: [{ title: 'Agent' }, { title: 'Read on', type: 'hyperlink', url: 'https://help.example' }],
    },
    lines: ['How can we help?', 'Read on: https://help.example'],
    choices: [{ title: 'Agent' }],
  },
  QuickReply: {
    template: { title: 'Better?', elements: [{ title: 'Yes' }, { title: 'No' }] },
    lines: ['Better?'],
    choices: [{ title: 'Yes' }, { title: 'No' }],
  },
  TimePicker: {
    template: {
      title: 'When?',
      location: { latitude: 47.6, longitude: -122.3, title: 'Main Street 1', radius: 1 },
      timeZoneOffset: -450,
      timeslots: [{ date: '2026-10-31T17:00+00:00', duration: 60 }, { date: 'by appointment' }, {}],
    },
    lines: ['When?', 'Main Street 1'],
    choices: [
      { title: '2026-10-31 09:30 UTC-07:30', answer: '2026-10-31T09:30:00.00+00:00' },
      { title: 'by appointment' },
    ],
  },
  'TimePicker without offset': {
    template: { title: 'When?', timeslots: [{ date: '2026-10-31T17:00+00:00', duration: 60 }] },
    lines: ['When?'],
    choices: [{ title: '2026-10-31 17:00 UTC', answer: '2026-10-31T17:00+00:00' }],
  },
  'TimePicker at the end of time': {
    template: {
      timeZoneOffset: 900,
      timeslots: [{ date: '9999-12-31T23:59Z' }, { date: '2026-10-31T17:00' }],
    },
    lines: [],
    choices: [
      { title: '+010000-01-01 14:59 UTC+15:00', answer: '+010000-01-01T14:59:00.00+00:00' },
      { title: '2026-10-31T17:00' },
    ],
  },
  Carousel: {
    template: { title: 'Travel', elements: [FLIGHTS, { ...FLIGHTS, templateIdentifier: 'template-2' }] },
    lines: ['Travel', 'Flights: From Seattle', 'Flights: Terms: https://air.example/terms'],
    choices: ['template-1', 'template-2'].map((templateIdentifier) => ({
      title: 'Flights: Book',
      description: 'By card',
      answer: JSON.stringify({ templateIdentifier, listTitle: 'Flights', selectionText: 'Book' }),
    })),
  },
  WhatsAppInteractiveList: {
    template: {
      title: 'List',
      header: { type: 'text', text: 'Our shops' },
      body: { text: 'Which is near you?' },
      footer: { text: 'Open all week' },
      action: {
        button: 'Choose',
        sections: [
          { title: 'North', rows: [{ id: 'n1', title: 'Hill', description: 'By the church' }] },
          { rows: [{ id: 's1', title: 'Lake' }, { id: 's2' }] },
        ],
      },
    },
    lines: ['Our shops', 'List', 'Which is near you?', 'Open all week'],
    choices: [{ title: 'Hill', description: 'North: By the church' }, { title: 'Lake' }],
  },
  WhatsAppInteractiveReplyButton: {
    template: {
      body: { text: 'Keep it?' },
      action: { buttons: [{ type: 'reply', reply: { id: 'y', title: 'Yes' } }, { reply: {} }] },
    },
    lines: ['Keep it?'],
    choices: [{ title: 'Yes' }],
  },
  SomethingNew: {
    template: { title: 'Which?', elements: [{ title: 'One' }, { title: '\u200B' }, 5, null] },
    lines: ['Which?'],
    choices: [{ title: 'One' }],
  },
};

describe('readInteractiveMessage', () => {
  it.each(Object.entries(CASES))('%s', (name, { template, lines, choices }) => {
    const [templateType = ''] = name.split(' ');
    expect(readInteractiveMessage(interactiveContent(templateType, template))).toEqual({
      kind: 'choices',
      lines,
      choices,
    });
  });

  it('reads content that stands in data itself', () => {
    const content = JSON.stringify({
      templateType: 'QuickReply',
      data: { title: 'Well?', elements: [{ title: 'Yes' }] },
    });
    expect(readInteractiveMessage(content)).toEqual({
      kind: 'choices',
      lines: ['Well?'],
      choices: [{ title: 'Yes' }],
    });
  });

  it.each<[name: string, content: string, text: string]>([
    ['no JSON', 'Which one?', 'Which one?'],
    ['no object', '["Which one?"]', '["Which one?"]'],
    [
      'nothing to read',
      '{"templateType":"Panel","version":"1.0"}',
      '{"templateType":"Panel","version":"1.0"}',
    ],
    [
      'a form',
      interactiveContent('AppleForm', {
        title: 'Your address',
        pages: [
          {
            pageType: 'input',
            pageIdentifier: 'p1',
            title: 'Street',
            ...PICTURE,
            options: { inputType: 'text', placeholder: 'Main Street 1' },
          },
        ],
      }),
      'Your address\nStreet\nMain Street 1',
    ],
    [
      'a view',
      interactiveContent('ViewResource', { id: 'view-1', data: { Heading: 'Your order', Total: 12.5 } }),
      'Your order\n12.5',
    ],
    [
      'nothing but links',
      interactiveContent('Panel', {
        title: 'More',
        elements: [{ title: 'Terms', type: 'hyperlink', url: 'https://air.example' }],
      }),
      'More\nTerms: https://air.example',
    ],
  ])('a template without choices is text: %s', (_name, content, text) => {
    expect(readInteractiveMessage(content)).toEqual({ kind: 'text', text });
  });

  it('bounds what can be chosen from', () => {
    const elements = Array.from({ length: 500 }, (_none, index) => ({ title: `Choice ${index}` }));
    const content = readInteractiveMessage(interactiveContent('ListPicker', { elements }));
    expect(content.kind === 'choices' && content.choices).toHaveLength(100);
  });

  it('never throws, and always says something', () => {
    const anyJson = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
    const values = fc.oneof(fc.constantFrom('2026-10-31T17:00Z', '-271821-04-20T00:00:00Z', 900), anyJson);
    const body = fc.dictionary(
      fc.constantFrom(
        'title',
        'elements',
        'timeslots',
        'timeZoneOffset',
        'action',
        'body',
        'header',
        'location',
      ),
      fc.oneof(
        values,
        fc.array(fc.record({ title: values, data: values, date: values }, { requiredKeys: [] })),
      ),
    );
    fc.assert(
      fc.property(body, (template) => {
        const content = readInteractiveMessage(interactiveContent('Panel', template));
        if (content.kind === 'text') expect(content.text).toSatisfy(isVisible);
        else expect(content).toMatchObject({ kind: 'choices' });
      }),
      { numRuns: 1_000 },
    );
  });
});
