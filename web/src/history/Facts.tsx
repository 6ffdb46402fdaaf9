import type { ReactNode } from 'react';
import { Link } from '../router/router';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { toast } from '../ui/toasts';
import { When } from '../ui/When';
import type { ImageFacts } from './documents';
import css from './Facts.module.css';

/** Everything that is known about an image. */
export function Facts({ image }: { image: ImageFacts }) {
  const { prompt, model, batch, collection, referenceUrl, generation, createdAt, deletedAt } = image;
  const { seed, ...parameters } = (image.parameters ?? {}) as Record<string, unknown>;
  return (
    <>
      <dl className={css.facts}>
        <Fact name="Prompt" wide>
          {prompt}
        </Fact>
        <Fact name="Model">{model}</Fact>
        {seed !== undefined && <Fact name="Seed">{textOf(seed)}</Fact>}
        {Object.entries(parameters).map(([name, value]) => (
          <Fact key={name} name={name} code>
            {textOf(value)}
          </Fact>
        ))}
        {image.width && image.height && (
          <Fact name="Size">
            {image.width} × {image.height}
            {image.byteSize && `, ${bytes(image.byteSize)}`}
          </Fact>
        )}
        {image.contentType && <Fact name="Type">{image.contentType}</Fact>}
        {batch && (
          <Fact name="Batch">
            <Link to={`/batches/${batch.id}`}>{batch.title}</Link>
          </Fact>
        )}
        {collection && (
          <Fact name="Collection">
            <Link to={`/collections/${collection.id}`}>{collection.name}</Link>
          </Fact>
        )}
        {generation && <Fact name="Template">{generation.templateName}</Fact>}
        {referenceUrl && (
          <Fact name="Reference">
            <a href={referenceUrl} target="_blank" rel="noreferrer">
              Open it
            </a>
          </Fact>
        )}
        {generation?.startedAt && generation.finishedAt && (
          <Fact name="Made in">
            {seconds(generation.startedAt, generation.finishedAt)}
            {generation.attempts > 1 && `, at attempt ${generation.attempts}`}
          </Fact>
        )}
        <Fact name="Saved">
          <When at={createdAt} />
        </Fact>
        {deletedAt && (
          <Fact name="Deleted">
            <When at={deletedAt} />
          </Fact>
        )}
      </dl>
      <div className={css.copies}>
        <span aria-hidden="true">Copy</span>
        <Copy what="prompt" text={prompt} />
        <Copy what="ID" text={image.id} />
        <Copy what="image address" text={new URL(image.url, location.href).href} />
        <Copy what="page address" text={`${location.origin}/images/${image.id}`} />
      </div>
    </>
  );
}

interface FactProps {
  name: string;
  wide?: boolean;
  code?: boolean;
  children: ReactNode;
}

function Fact({ name, wide = false, code = false, children }: FactProps) {
  return (
    <div className={wide ? css.wide : undefined}>
      <dt>{code ? <code>{name}</code> : name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Copy({ what, text }: { what: string; text: string }) {
  return (
    <Button look="quiet" onClick={() => void copy(what, text)}>
      <Icon name="copy" /> <span className="aside">Copy</span> {what}
    </Button>
  );
}

async function copy(what: string, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied the ${what}`);
  } catch {
    toast(`This browser does not let the page copy the ${what}`);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function bytes(count: number): string {
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function seconds(from: string, to: string): string {
  return `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;
}
