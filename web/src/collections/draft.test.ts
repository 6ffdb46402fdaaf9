import { expect, test } from 'vitest';
import { blankTemplate, draftIn, editedOf, isSame } from './draft';
import type { CollectionDraft } from './file';

const PORTRAITS: CollectionDraft = {
  name: 'Portraits',
  description: 'Of one subject.',
  templates: [
    { name: 'Noir', prompt: 'a {{subject}} in hard light', model: null, parameters: {} },
    { name: 'Oil', prompt: 'a {{subject}} in oil', model: 'demo', parameters: { seed: 7 } },
  ],
};

test('a collection that nobody changed is saved as it was', () => {
  expect(draftIn(editedOf(PORTRAITS))).toEqual({ draft: PORTRAITS });
});

test('parameters that are no object are told at their field', () => {
  const edited = editedOf(PORTRAITS);
  edited.templates[1] = { ...blankTemplate(), name: 'Oil', parameters: 'seed: 7' };

  expect(draftIn(edited)).toMatchObject({ errors: [{ field: ['templates', '1', 'parameters'] }] });
});

test('a change is seen, and one that is taken back is none', () => {
  const saved = editedOf(PORTRAITS);
  const again = editedOf(PORTRAITS);

  expect(isSame(saved, again)).toBe(true);
  expect(isSame(saved, { ...again, templates: again.templates.toReversed() })).toBe(false);
});
