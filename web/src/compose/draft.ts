// A batch before it is started. Pure: what a person has chosen and written, and the input it comes to.

import type { VariablesOf } from '../api/graphql';
import type { StartBatch } from './documents';

export type StartBatchInput = VariablesOf<typeof StartBatch>['input'];

/** A collection's template as the API has it. */
export interface KeptTemplate {
  id: string;
  name: string;
  prompt: string;
  model: string | null;
  parameters: unknown;
}

export interface DraftTemplate {
  /** Stays with it while it is edited. */
  key: string;
  name: string;
  prompt: string;
  included: boolean;
  /** As the collection has it; null for one that was added. */
  kept: KeptTemplate | null;
}

export interface Draft {
  collectionId: string | null;
  templates: readonly DraftTemplate[];
  /** By variable: its values, one a line. */
  values: Readonly<Record<string, string>>;
  title: string;
  referenceUrl: string | null;
  model: string | null;
  /** Only what was set; the model has its own defaults. */
  parameters: Readonly<Record<string, unknown>>;
  variants: number;
}

export const EMPTY_DRAFT: Draft = {
  collectionId: null,
  templates: [],
  values: {},
  title: '',
  referenceUrl: null,
  model: null,
  parameters: {},
  variants: 1,
};

/** The draft with this collection's templates in place of those that it had. */
export function withCollection(
  draft: Draft,
  collection: { id: string; templates: readonly KeptTemplate[] } | null,
): Draft {
  const templates = (collection?.templates ?? []).map((kept) => ({
    key: kept.id,
    name: kept.name,
    prompt: kept.prompt,
    included: true,
    kept,
  }));
  return { ...draft, collectionId: collection?.id ?? null, templates };
}

export function withTemplate(draft: Draft, key: string, change: Partial<DraftTemplate>): Draft {
  const templates = draft.templates.map((each) => (each.key === key ? { ...each, ...change } : each));
  return { ...draft, templates };
}

/** With an empty one at its end; its name and its key are those of no other. */
export function withNewTemplate(draft: Draft): Draft {
  const taken = new Set(draft.templates.map(({ key }) => key));
  let number = 1;
  while (taken.has(`Prompt ${number}`)) number++;
  const name = `Prompt ${number}`;
  return {
    ...draft,
    templates: [...draft.templates, { key: name, name, prompt: '', included: true, kept: null }],
  };
}

export function withoutTemplate(draft: Draft, key: string): Draft {
  return { ...draft, templates: draft.templates.filter((each) => each.key !== key) };
}

export function isEdited({ kept, name, prompt }: DraftTemplate): boolean {
  return kept !== null && (kept.name !== name || kept.prompt !== prompt);
}

export function includedIn(draft: Draft): DraftTemplate[] {
  return draft.templates.filter((each) => each.included);
}

const VARIABLE = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

/** The variables of all prompts that are to be made, each once, in order of appearance. */
export function variablesOf(draft: Draft): string[] {
  const names = includedIn(draft).flatMap(({ prompt }) =>
    [...prompt.matchAll(VARIABLE)].map((found) => found[1] ?? ''),
  );
  return [...new Set(names)];
}

/** One a line; empty lines are none. */
export function valuesIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

/**
 * What startBatch and previewBatch are asked.
 *
 * The collection's own templates come before those written on the spot: from the first that was edited
 * or added on, all are sent as written, so that the images keep the order seen here.
 */
export function inputOf(draft: Draft): StartBatchInput {
  const { kept, written } = split(draft);
  const title = draft.title.trim();
  return {
    ...(draft.collectionId && {
      collectionId: draft.collectionId,
      templateIds: kept.map(({ key }) => key),
    }),
    templates: written.map(writtenTemplate),
    variables: Object.fromEntries(
      variablesOf(draft).flatMap((name) => {
        const values = valuesIn(draft.values[name] ?? '');
        return values.length > 0 ? [[name, values]] : [];
      }),
    ),
    parameters: draft.parameters,
    variants: draft.variants,
    ...(title && { title }),
    ...(draft.referenceUrl && { referenceUrl: draft.referenceUrl }),
    ...(draft.model && { model: draft.model }),
  };
}

/** Where the input has each template that is sent as written, by its key: for refusals' paths. */
export function placesIn(draft: Draft): Map<string, string> {
  return new Map(split(draft).written.map(({ key }, place) => [key, String(place)]));
}

function split(draft: Draft): { kept: DraftTemplate[]; written: DraftTemplate[] } {
  const included = includedIn(draft);
  const first = included.findIndex((each) => each.kept === null || isEdited(each));
  const end = first < 0 ? included.length : first;
  return { kept: included.slice(0, end), written: included.slice(end) };
}

function writtenTemplate({ name, prompt, kept }: DraftTemplate) {
  return { name, prompt, model: kept?.model ?? null, parameters: kept?.parameters ?? null };
}
