/**
 * Connect's interactive messages (administrator guide, "Add interactive messages to chat"): `{templateType, version,
 * data: {content: {title, subtitle?, elements: […]}}}` as JSON. They are read by their shape and not by templateType, so
 * that a template which Connect invents tomorrow reaches the customer too; what offers nothing to choose from (a form, a
 * view of a step-by-step guide) goes as the words that can be read in it.
 *
 * What goes back as the choice is what Connect's own chat widget sends (amazon-connect-chat-interface): the element's
 * title; of a time slot its instant; of a list inside of a carousel a small JSON that names both.
 */
import { MINUTE_MS } from '../../clock.ts';
import type { Choice, ChoicesContent, ReplyContent } from '../agent-reply.ts';
import { asJsonObject, asList, isJsonObject, parseJson, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { listFields } from '../readable-fields.ts';
import { isVisible } from '../visible-text.ts';

const INTERACTIVE = 'application/vnd.amazonaws.connect.message.interactive';

export function isInteractive(contentType: string | undefined): boolean {
  return contentType === INTERACTIVE;
}

/** More than any template may offer, and than anyone would read. */
const CHOICES_MAX = 100;

/** `content` is the message's Content, which shows something; so does what comes of it. Never throws. */
export function readInteractiveMessage(content: string): ReplyContent {
  const template = parseJson(content);
  if (!isJsonObject(template)) return { kind: 'text', text: content };
  const body = bodyOf(template);
  const choices = readChoices(body).slice(0, CHOICES_MAX);
  const lines = readLines(body);
  if (choices.length > 0) return { kind: 'choices', lines, choices };
  const text = readableText(template, lines);
  return { kind: 'text', text: isVisible(text) ? text : content };
}

/** `data.content`; some show it as `data` alone. */
function bodyOf(template: JsonObject): JsonObject {
  const data = asJsonObject(template['data']);
  return isJsonObject(data['content']) ? data['content'] : data;
}

/** Header and footer are those of WhatsApp's templates: `{type: 'text', text}`. */
function readLines(body: JsonObject): ChoicesContent['lines'] {
  const { header, title, subtitle, body: text, description, location, footer } = body;
  const values = [header, title, subtitle, text, description, asJsonObject(location)['title'], footer];
  const lines = values.flatMap((value) => readWords(value) ?? []);
  return [...new Set(lines.concat(elementsOf(body).flatMap(readElementLines)))];
}

function readElementLines(element: JsonObject): readonly string[] {
  return isJsonObject(element['data']) ? readCarouselLines(bodyOf(element)) : readLinks(element);
}

/** The list's own title stands with its choices. */
function readCarouselLines(body: JsonObject): readonly string[] {
  const words = [readText(body['subtitle']) ?? [], elementsOf(body).flatMap(readLinks)].flat();
  return words.map((line) => joinWords(readText(body['title']), line));
}

/** A text, or an object that holds it as WhatsApp's do. */
function readWords(value: unknown): string | undefined {
  return readText(isJsonObject(value) ? value['text'] : value);
}

function elementsOf(body: JsonObject): readonly JsonObject[] {
  return asList(body['elements']).filter(isJsonObject);
}

/** An element that leads to a page is nothing to answer with. */
function readLinks({ type, title, url }: JsonObject): readonly string[] {
  if (readText(type)?.toLowerCase() !== 'hyperlink') return [];
  const link = joinWords(readText(title), readText(url));
  return link === '' ? [] : [link];
}

function joinWords(...words: readonly (string | undefined)[]): string {
  return words.filter((text) => text !== undefined).join(': ');
}

/** What the template offers, in its order. */
function readChoices(body: JsonObject): readonly Choice[] {
  const { timeslots, timeSlots, timeZoneOffset, action } = body;
  const { sections, buttons } = asJsonObject(action);
  return [
    ...elementsOf(body).flatMap(readElement),
    ...asList(timeslots ?? timeSlots).flatMap((slot) => readTimeSlot(slot, timeZoneOffset) ?? []),
    ...asList(sections).flatMap(readSection),
    ...asList(buttons).flatMap((button) => readButton(button) ?? []),
  ];
}

/** Of a list picker, a panel, quick replies; of a carousel, whose elements are templates themselves. */
function readElement(element: JsonObject): readonly Choice[] {
  if (isJsonObject(element['data'])) return readCarouselElement(element);
  const choice = readTitled(element, readText(element['subtitle']) ?? readText(element['description']));
  return choice ? [choice] : [];
}

/** None that only leads to a page, or that nobody could see to choose. */
function readTitled(element: JsonObject, description: string | undefined): Choice | undefined {
  const title = readText(element['title']);
  if (title === undefined || !isVisible(title) || readLinks(element).length > 0) return undefined;
  return { title, ...present({ description }) };
}

function readCarouselElement(element: JsonObject): readonly Choice[] {
  const body = bodyOf(element);
  const listTitle = readText(body['title']);
  const templateIdentifier = readText(element['templateIdentifier']);
  return elementsOf(body).flatMap((inner) => {
    const choice = readTitled(inner, readText(inner['subtitle']));
    if (!choice) return [];
    const answer = JSON.stringify({ templateIdentifier, listTitle, selectionText: choice.title });
    return [{ ...choice, title: joinWords(listTitle, choice.title), answer }];
  });
}

/** `{date, duration}`. `offset`: minutes from UTC at the place of the appointment. */
function readTimeSlot(slot: unknown, offset: unknown): Choice | undefined {
  const date = readText(isJsonObject(slot) ? slot['date'] : slot);
  if (date === undefined) return undefined;
  const instant = DATE_PATTERN.test(date) ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(instant)) return { title: date };
  const minutes = Number(readText(offset) ?? 0);
  if (!Number.isInteger(minutes) || Math.abs(minutes) > OFFSET_MAX_MINUTES || minutes === 0) {
    return { title: `${formatMinute(instant)} UTC`, answer: date };
  }
  const local = instant + minutes * MINUTE_MS;
  return {
    title: `${formatMinute(local)} UTC${formatOffset(minutes)}`,
    // As the widget writes it: the time at the place, called UTC.
    answer: `${new Date(local).toISOString().slice(0, -'0Z'.length)}+00:00`,
  };
}

/** With its offset: without, it would be this machine's time. */
const DATE_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;
/** No place is further from UTC than 14 hours. */
const OFFSET_MAX_MINUTES = 24 * 60;

function formatMinute(instant: number): string {
  return new Date(instant)
    .toISOString()
    .replace('T', ' ')
    .replace(/:\d\d\.\d+Z$/, '');
}

function formatOffset(minutes: number): string {
  const hours = String(Math.trunc(Math.abs(minutes) / 60)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${hours}:${String(Math.abs(minutes) % 60).padStart(2, '0')}`;
}

/** WhatsApp's list: `{title?, rows: [{id, title, description?}]}`. */
function readSection(section: unknown): readonly Choice[] {
  const { title, rows } = asJsonObject(section);
  return asList(rows)
    .filter(isJsonObject)
    .flatMap((row) => {
      return readTitled(row, joinWords(readText(title), readText(row['description'])) || undefined) ?? [];
    });
}

/** WhatsApp's buttons: `{type: 'reply', reply: {id, title}}`. */
function readButton(button: unknown): Choice | undefined {
  const reply = asJsonObject(button);
  const title = readText(asJsonObject(reply['reply'])['title']) ?? readText(reply['title']);
  return title === undefined ? undefined : { title };
}

/** They say nothing to a person, or name pictures, which don't go along. */
const MACHINE_NAMES =
  /(?:^|\.)(?:version|\w*type|id|\w*Id|\w*Identifier|image\w*|\w*Index|actionDetail|radius|latitude|longitude)$/i;

/** The words of a template that offers nothing, each on a line; what it says after a choice is left out. */
function readableText(template: JsonObject, lines: readonly string[]): string {
  const { data, ...others } = template;
  const { replyMessage: _after, ...shown } = asJsonObject(data);
  const found = listFields(Object.keys(shown).length > 0 ? shown : others)
    .filter(({ name }) => !MACHINE_NAMES.test(name.replaceAll(/\.\d+/g, '')))
    .map(({ text }) => text)
    .filter((text) => !lines.some((line) => line.includes(text)));
  return [...new Set([...lines, ...found])].join('\n');
}
