import { describe, expect, test } from 'vitest';
import { fieldsOf, type InputField, readValue, written } from './inputFields';

function fieldOf(property: unknown): InputField {
  return fieldsOf({ properties: { some_input: property } }, null)[0] as InputField;
}

describe('the fields of a model', () => {
  test('leave out the prompt and the reference, and keep the order that the model gives', () => {
    const properties = {
      prompt: { type: 'string', 'x-order': 0 },
      seed: { type: 'integer', 'x-order': 2 },
      image: { type: 'string', format: 'uri' },
      width: { type: 'integer', 'x-order': 1 },
    };

    expect(fieldsOf({ properties }, 'image').map(({ name }) => name)).toEqual(['width', 'seed']);
  });

  test.each([
    [{ type: 'integer', minimum: 1, maximum: 9, default: 3 }, 'integer'],
    [{ type: 'number' }, 'number'],
    [{ type: 'boolean' }, 'flag'],
    [{ type: 'string' }, 'text'],
    [{ enum: ['1:1', '3:2'] }, 'choice'],
    [{ allOf: [{ type: 'string', enum: ['webp', 'png'] }], default: 'webp' }, 'choice'],
    [{ anyOf: [{ type: 'integer' }, { type: 'null' }] }, 'integer'],
    [{ type: 'array', items: { type: 'string' } }, 'json'],
    [{}, 'json'],
  ])('%j is a field of the kind %s', (property, kind) => {
    expect(fieldOf(property)).toMatchObject({ kind, label: 'Some input' });
  });

  test('are none where the model tells nothing of its inputs', () => {
    expect(fieldsOf(null, null)).toEqual([]);
  });
});

describe('what a person wrote', () => {
  test.each([
    [{ type: 'integer' }, '12', 12],
    [{ enum: [1, 4] }, '4', 4],
    [{ type: 'boolean' }, 'false', false],
    [{ type: 'string' }, 'text', 'text'],
    [{ type: 'array' }, '["a"]', ['a']],
    [{ type: 'string' }, ' ', undefined],
  ])('for %j, %j, is %j', (property, text, value) => {
    expect(readValue(fieldOf(property), text)).toEqual(value);
  });

  test('is refused where it is no JSON', () => {
    expect(() => readValue(fieldOf({}), '{')).toThrow(SyntaxError);
  });

  test('reads as it was written', () => {
    expect([12, false, 'a', ['b'], undefined].map(written)).toEqual(['12', 'false', 'a', '["b"]', '']);
  });
});
