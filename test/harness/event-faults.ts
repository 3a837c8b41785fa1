import { type EventMember, eventTable } from '@stint/common/event-table.ts';

/** How a value must look that has the form; the forms are those of the table. */
const hasForm: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => Number.isSafeInteger(value),
  boolean: (value) => typeof value === 'boolean',
  time: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  sha256: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  texts: (value) => Array.isArray(value) && value.every((text) => typeof text === 'string'),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** Where a recorded event is not what the table of events says; empty when it is. One whose data were cut is not judged. */
export function eventFaults({
  type,
  data,
}: {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}): string[] {
  if (!Object.hasOwn(eventTable, type)) return [`${type} is not in the table`];
  if (data['cut'] === true) return [];
  const said: Readonly<Record<string, EventMember>> = eventTable[type as keyof typeof eventTable].data;
  const unknown = Object.keys(data).filter((name) => !Object.hasOwn(said, name));
  const wrong = Object.entries(said).filter(([name, [form]]) => {
    if (!Object.hasOwn(data, name)) return !form.endsWith('?');
    return !hasForm[form.replace('?', '')]?.(data[name]);
  });
  return [
    ...unknown.map((name) => `${type}: "${name}" is not in the table`),
    ...wrong.map(([name, [form]]) => `${type}: "${name}" should be ${form}: ${JSON.stringify(data[name])}`),
  ];
}
