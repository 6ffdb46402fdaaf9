import { expect, test } from 'vitest';
import { type CollectionDraft, FORMAT, fileName, read, written } from './file';

const PORTRAITS: CollectionDraft = {
  name: 'Portraits',
  description: 'Of one subject.',
  templates: [
    { name: 'Noir', prompt: 'a {{subject}} in hard light', model: null, parameters: {} },
    { name: 'Oil', prompt: 'a {{subject}} in oil', model: 'demo', parameters: { seed: 7, size: [1, 2] } },
  ],
};

function problemsOf(file: unknown): string[] {
  const answer = read(typeof file === 'string' ? file : JSON.stringify(file));
  return 'problems' in answer ? answer.problems : [];
}

function fileWith(...collections: unknown[]) {
  return { format: FORMAT, version: 1, collections };
}

test('collections come back from their file as they were', () => {
  expect(read(written([PORTRAITS, { ...PORTRAITS, name: 'More' }]))).toEqual({
    collections: [PORTRAITS, { ...PORTRAITS, name: 'More' }],
  });
});

test('what goes without saying is not written', () => {
  expect(JSON.parse(written([PORTRAITS])).collections[0].templates[0]).toEqual({
    name: 'Noir',
    prompt: 'a {{subject}} in hard light',
  });
});

test('what goes without saying need not be there', () => {
  const file = fileWith({ name: 'Short', templates: [{ name: 'One', prompt: 'one' }] });

  expect(read(JSON.stringify(file))).toEqual({
    collections: [
      {
        name: 'Short',
        description: '',
        templates: [{ name: 'One', prompt: 'one', model: null, parameters: {} }],
      },
    ],
  });
});

test('a text that is no JSON is said to be none', () => {
  expect(problemsOf('name: Portraits')[0]).toMatch(/^This is no JSON: /);
});

test.each([
  [[], 'The file: has to be an object, {…}.'],
  [{ version: 1, collections: [PORTRAITS] }, `format: has to be "${FORMAT}".`],
  [{ ...fileWith(PORTRAITS), version: 2 }, 'version: has to be 1; another one cannot be read here.'],
  [fileWith(), 'collections: has to be a list, […], with at least one in it.'],
  [fileWith({ ...PORTRAITS, name: ' ' }), 'collections[0].name: has to be a text.'],
  [fileWith({ ...PORTRAITS, name: 'x'.repeat(201) }), 'collections[0].name: is longer than 200 characters.'],
  [
    fileWith({ name: 'None', templates: [] }),
    'collections[0].templates: has to be a list, […], with at least one in it.',
  ],
  [
    fileWith(PORTRAITS, { name: 'Two', templates: [PORTRAITS.templates[0], { name: 'No prompt' }] }),
    'collections[1].templates[1].prompt: has to be a text.',
  ],
  [
    fileWith({ name: 'Typo', templates: [{ name: 'One', prompt: 'one', promt: 'two' }] }),
    'collections[0].templates[0]: has no field "promt"; it knows name, prompt, model, parameters.',
  ],
  [
    fileWith({ name: 'Typed', templates: [{ name: 'One', prompt: 'one', parameters: 'seed 7' }] }),
    'collections[0].templates[0].parameters: has to be an object, {…}.',
  ],
])('what is wrong is told with its place: %j', (file, problem) => {
  expect(problemsOf(file)).toEqual([problem]);
});

test('of very many problems the first ten are told', () => {
  expect(problemsOf(fileWith(...Array.from({ length: 50 }, () => 7)))).toHaveLength(10);
});

test('a file is called after its collection', () => {
  expect(fileName('Späť / Portraits, 2026!')).toBe('spa-t-portraits-2026.json');
  expect(fileName('肖像')).toBe('collection.json');
});
