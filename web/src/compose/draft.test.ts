import { describe, expect, test } from 'vitest';
import {
  type Draft,
  EMPTY_DRAFT,
  inputOf,
  placesIn,
  valuesIn,
  variablesOf,
  withCollection,
  withNewTemplate,
  withTemplate,
} from './draft';

const KEPT = ['a', 'b', 'c'].map((id) => ({
  id,
  name: id.toUpperCase(),
  prompt: `a {{thing}} by ${id}`,
  model: null,
  parameters: {},
}));

function draft(change: Partial<Draft> = {}): Draft {
  return { ...withCollection(EMPTY_DRAFT, { id: 'collection', templates: KEPT }), ...change };
}

describe('the input of a draft', () => {
  test('names the templates of its collection that are not left out', () => {
    expect(inputOf(withTemplate(draft(), 'b', { included: false }))).toMatchObject({
      collectionId: 'collection',
      templateIds: ['a', 'c'],
      templates: [],
    });
  });

  test('has templates as written from the first edited one on, so that their order stays', () => {
    const input = inputOf(withTemplate(draft(), 'b', { prompt: 'else' }));

    expect(input.templateIds).toEqual(['a']);
    expect(input.templates?.map(({ prompt }) => prompt)).toEqual(['else', 'a {{thing}} by c']);
  });

  test('has an added template after the others, and tells where', () => {
    const added = withTemplate(withNewTemplate(draft()), 'Prompt 1', { prompt: 'mine' });

    expect(inputOf(added).templates?.map(({ name }) => name)).toEqual(['Prompt 1']);
    expect(placesIn(added)).toEqual(new Map([['Prompt 1', '0']]));
  });

  test('names no collection where there is none', () => {
    const input = inputOf(withNewTemplate(EMPTY_DRAFT));

    expect(input).not.toHaveProperty('collectionId');
    expect(input).not.toHaveProperty('templateIds');
  });

  test('has the values of the variables that its prompts have', () => {
    const input = inputOf(draft({ values: { thing: 'boat\n\n lighthouse ', gone: 'x' } }));

    expect(input.variables).toEqual({ thing: ['boat', 'lighthouse'] });
  });
});

test('variables are found once each, in what is included', () => {
  const other = withTemplate(draft(), 'b', { prompt: '{{ light }} on {{thing}}' });

  expect(variablesOf(other)).toEqual(['thing', 'light']);
  expect(variablesOf(withTemplate(other, 'b', { included: false }))).toEqual(['thing']);
});

test('a value is a line with something on it', () => {
  expect(valuesIn(' one \n\ntwo')).toEqual(['one', 'two']);
});
