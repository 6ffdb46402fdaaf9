// A collection while it is being edited. Pure.

import type { UserError } from '../api/errors';
import { NO_OBJECT, objectIn } from '../api/json';
import type { CollectionDraft } from './file';

/** As the fields have it; key tells templates apart while they move. */
export interface EditedTemplate {
  key: number;
  name: string;
  prompt: string;
  model: string;
  parameters: string;
}

export interface Edited {
  name: string;
  description: string;
  templates: EditedTemplate[];
}

let keys = 0;

export function blankTemplate(): EditedTemplate {
  return { key: ++keys, name: '', prompt: '', model: '', parameters: '' };
}

export function editedOf({ name, description, templates }: CollectionDraft): Edited {
  return {
    name,
    description,
    templates: templates.map(({ name, prompt, model, parameters }) => ({
      ...blankTemplate(),
      name,
      prompt,
      model: model ?? '',
      parameters: Object.keys(parameters).length ? JSON.stringify(parameters, null, 2) : '',
    })),
  };
}

/** What is to be saved, or the fields that cannot be. */
export function draftIn(edited: Edited): { draft: CollectionDraft } | { errors: UserError[] } {
  const errors: UserError[] = [];
  const templates = edited.templates.map(({ name, prompt, model, parameters }, at) => {
    const object = objectIn(parameters);
    if (object === undefined) {
      errors.push({ field: ['templates', `${at}`, 'parameters'], code: 'INVALID', message: NO_OBJECT });
    }
    return { name: name.trim(), prompt, model: model || null, parameters: object ?? {} };
  });
  if (errors.length) return { errors };
  return { draft: { name: edited.name.trim(), description: edited.description.trim(), templates } };
}

/** Whether there is anything to save: keys are nothing that anybody wrote. */
export function isSame(one: Edited, other: Edited): boolean {
  return textOf(one) === textOf(other);
}

function textOf({ templates, ...rest }: Edited): string {
  return JSON.stringify([rest, templates.map(({ key, ...fields }) => fields)]);
}
