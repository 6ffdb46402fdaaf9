import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { errorAt, errorsElsewhere, messageOf, type UserError } from '../api/errors';
import { graphql } from '../api/graphql';
import { navigate } from '../router/router';
import { Button } from '../ui/Button';
import { ErrorNote } from '../ui/ErrorNote';
import { Field } from '../ui/Field';
import { Page } from '../ui/Page';
import css from './StudioPage.module.css';

const StartBatch = graphql(`
  mutation StartBatch($input: StartBatchInput!) {
    startBatch(input: $input) {
      batchId
      userErrors { field code message }
    }
  }
`);

const PROMPT = 'templates.0.prompt';

export default function StudioPage() {
  const [prompt, setPrompt] = useState('a lighthouse at dawn');
  const [variants, setVariants] = useState(12);
  const [refusals, setRefusals] = useState<UserError[]>([]);
  const [{ fetching, error }, startBatch] = useMutation(StartBatch);

  async function start(event: FormEvent): Promise<void> {
    event.preventDefault();
    const input = { templates: [{ name: 'Prompt', prompt }], variants };
    const { data } = await startBatch({ input });
    if (data?.startBatch.batchId) navigate(`/batches/${data.startBatch.batchId}`);
    else setRefusals(data?.startBatch.userErrors ?? []);
  }

  return (
    <Page title="New batch">
      <form className={css.form} onSubmit={start}>
        {error && <ErrorNote>{messageOf(error)}</ErrorNote>}
        {errorsElsewhere(refusals, [PROMPT, 'variants']).map((refusal) => (
          <ErrorNote key={refusal.message}>{refusal.message}</ErrorNote>
        ))}
        <Field label="Prompt" error={errorAt(refusals, ...PROMPT.split('.'))}>
          {(control) => (
            <textarea
              {...control}
              required
              value={prompt}
              onChange={(event) => setPrompt(event.target.value)}
            />
          )}
        </Field>
        <Field label="Images" error={errorAt(refusals, 'variants')}>
          {(control) => (
            <input
              {...control}
              type="number"
              min={1}
              max={100}
              value={variants}
              onChange={(event) => setVariants(event.target.valueAsNumber || 1)}
            />
          )}
        </Field>
        <Button type="submit" look="primary" busy={fetching}>
          Start
        </Button>
      </form>
    </Page>
  );
}
