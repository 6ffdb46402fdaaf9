// A model's inputs as the fields of a form, from their JSON Schema. Pure.

type Json = Record<string, unknown>;

export interface InputField {
  name: string;
  label: string;
  description: string;
  kind: 'number' | 'integer' | 'choice' | 'flag' | 'text' | 'json';
  choices: readonly (string | number)[];
  minimum: number | undefined;
  maximum: number | undefined;
  /** What the model takes where nothing is set. */
  standard: unknown;
}

/** Those that a person may set, in the model's own order; not what the templates and the reference fill in. */
export function fieldsOf(schema: unknown, referenceInput: string | null): InputField[] {
  if (!isJson(schema) || !isJson(schema.properties)) return [];
  return Object.entries(schema.properties)
    .filter(([name]) => name !== 'prompt' && name !== referenceInput)
    .sort(([, one], [, other]) => orderOf(one) - orderOf(other))
    .map(([name, property]) => fieldOf(name, isJson(property) ? property : {}));
}

function fieldOf(name: string, property: Json): InputField {
  const rule = { ...property, ...plainKind(property) };
  const choices = Array.isArray(rule.enum) ? rule.enum.filter(isChoice) : [];
  return {
    name,
    label: words(typeof rule.title === 'string' ? rule.title : name),
    description: typeof rule.description === 'string' ? rule.description : '',
    kind: choices.length > 0 ? 'choice' : kindOf(rule.type),
    choices,
    minimum: numberOr(rule.minimum),
    maximum: numberOr(rule.maximum),
    standard: rule.default,
  };
}

/** Of an input that may be null, or is one other schema, what it is otherwise. */
function plainKind(property: Json): Json {
  const kinds = [property.allOf, property.anyOf, property.oneOf].find(Array.isArray) ?? [];
  const others = kinds.filter((kind) => isJson(kind) && kind.type !== 'null');
  return others.length === 1 ? others[0] : {};
}

function kindOf(type: unknown): InputField['kind'] {
  switch (type) {
    case 'number':
    case 'integer':
      return type;
    case 'boolean':
      return 'flag';
    case 'string':
      return 'text';
    default:
      return 'json';
  }
}

/** What a person wrote, as the model takes it: undefined for nothing. Throws SyntaxError for what is none. */
export function readValue({ kind, choices }: InputField, text: string): unknown {
  if (text.trim() === '') return undefined;
  switch (kind) {
    case 'number':
    case 'integer':
      return Number(text);
    case 'choice':
      return choices.find((choice) => String(choice) === text);
    case 'flag':
      return text === 'true';
    case 'text':
      return text;
    case 'json':
      return JSON.parse(text);
  }
}

/** A value as a person reads it, and would write it. */
export function written(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function words(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function orderOf(property: unknown): number {
  return isJson(property) ? (numberOr(property['x-order']) ?? 0) : 0;
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function isChoice(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
