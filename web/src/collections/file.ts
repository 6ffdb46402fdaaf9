// Collections as a JSON file: written, and checked when read. Pure. docs/collections.md describes it.

export const FORMAT = 'batch-studio/collections';
export const VERSION = 1;

export interface TemplateDraft {
  name: string;
  prompt: string;
  /** Null: the batch's. */
  model: string | null;
  parameters: Record<string, unknown>;
}

export interface CollectionDraft {
  name: string;
  description: string;
  templates: TemplateDraft[];
}

/** What is in the file, or all that is wrong with it, each with its place. */
export type Read = { collections: CollectionDraft[] } | { problems: string[] };

export function written(collections: readonly CollectionDraft[]): string {
  const file = { format: FORMAT, version: VERSION, collections: collections.map(withoutDefaults) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** What its collection is called, in letters that every file system takes. */
export function fileName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${plain || 'collection'}.json`;
}

export function read(text: string): Read {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    return { problems: [`This is no JSON: ${(error as Error).message}`] };
  }
  const check = new Check();
  const collections = fileIn(file, check);
  return check.problems.length ? { problems: check.problems } : { collections };
}

function withoutDefaults({ templates, ...rest }: CollectionDraft) {
  const short = ({ name, prompt, model, parameters }: TemplateDraft) => ({
    name,
    prompt,
    ...(model === null ? {} : { model }),
    ...(Object.keys(parameters).length ? { parameters } : {}),
  });
  return { ...rest, templates: templates.map(short) };
}

// As the API has them.
const LONGEST_NAME = 200;
const LONGEST_DESCRIPTION = 2_000;
const LONGEST_PROMPT = 10_000;

function fileIn(value: unknown, check: Check): CollectionDraft[] {
  const file = check.object(value, 'The file', ['format', 'version', 'collections']);
  if (!file) return [];
  if (file.format !== FORMAT) check.say(`format: has to be "${FORMAT}".`);
  else if (file.version !== VERSION)
    check.say(`version: has to be ${VERSION}; another one cannot be read here.`);
  return check.list(file.collections, 'collections').map((each, at) => collectionIn(each, check, at));
}

function collectionIn(value: unknown, check: Check, at: number): CollectionDraft {
  const place = `collections[${at}]`;
  const given = check.object(value, place, ['name', 'description', 'templates']) ?? {};
  return {
    name: check.text(given.name, `${place}.name`, LONGEST_NAME),
    description: check.text(given.description ?? '', `${place}.description`, LONGEST_DESCRIPTION, {
      empty: true,
    }),
    templates: check
      .list(given.templates, `${place}.templates`)
      .map((each, index) => templateIn(each, check, `${place}.templates[${index}]`)),
  };
}

function templateIn(value: unknown, check: Check, place: string): TemplateDraft {
  const given = check.object(value, place, ['name', 'prompt', 'model', 'parameters']) ?? {};
  const { model = null, parameters = {} } = given;
  return {
    name: check.text(given.name, `${place}.name`, LONGEST_NAME),
    prompt: check.text(given.prompt, `${place}.prompt`, LONGEST_PROMPT),
    model: model === null ? null : check.text(model, `${place}.model`, LONGEST_NAME),
    parameters: check.object(parameters, `${place}.parameters`) ?? {},
  };
}

const MOST_PROBLEMS = 10;

/** Collects what is wrong, the first few of it. */
class Check {
  readonly problems: string[] = [];

  say(problem: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(problem);
  }

  object(value: unknown, place: string, names?: string[]): Record<string, unknown> | null {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.say(`${place}: has to be an object, {…}.`);
      return null;
    }
    const unknown = names && Object.keys(value).filter((name) => !names.includes(name));
    for (const name of unknown ?? [])
      this.say(`${place}: has no field "${name}"; it knows ${names?.join(', ')}.`);
    return value as Record<string, unknown>;
  }

  list(value: unknown, place: string): unknown[] {
    if (Array.isArray(value) && value.length) return value;
    this.say(`${place}: has to be a list, […], with at least one in it.`);
    return [];
  }

  text(value: unknown, place: string, longest: number, { empty = false } = {}): string {
    if (typeof value !== 'string' || (!empty && !value.trim())) this.say(`${place}: has to be a text.`);
    else if ([...value].length > longest) this.say(`${place}: is longer than ${longest} characters.`);
    return String(value);
  }
}
