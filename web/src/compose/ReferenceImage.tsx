import { type DragEvent, useState } from 'react';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { ProgressBar } from '../ui/ProgressBar';
import css from './ReferenceImage.module.css';
import { PICTURES } from './upload';
import type { Reference } from './useReference';

interface ReferenceImageProps {
  reference: Reference;
  /** Whether the chosen model takes one. */
  taken: boolean;
  error: string | null;
}

/** Dropped, picked, or named by its address. */
export function ReferenceImage({ reference, taken, error }: ReferenceImageProps) {
  const { file } = reference;
  const said = reference.error ?? error;
  return (
    <fieldset className={css.reference}>
      <legend className={css.legend}>Reference image</legend>
      {file ? <Picked reference={reference} file={file} /> : <Drop onPick={reference.pick} />}
      {file ? (
        said && (
          <p className={css.error} role="alert">
            {said}
          </p>
        )
      ) : (
        <Field label="or its address" error={said}>
          {(control) => (
            <input
              {...control}
              type="url"
              placeholder="https://"
              defaultValue={reference.url ?? ''}
              onChange={(event) => reference.setAddress(event.target.value)}
            />
          )}
        </Field>
      )}
      {!taken && <p className={css.note}>The chosen model takes none: it will not be used.</p>}
    </fieldset>
  );
}

function Drop({ onPick }: { onPick: (file: File) => void }) {
  const [over, setOver] = useState(false);
  function drop(event: DragEvent): void {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file) onPick(file);
  }
  return (
    <label
      className={css.drop}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Icon name="upload" />
      <span>
        <u>Pick a picture</u> or drop it here
      </span>
      <small>PNG, JPEG or WebP, up to 20 MB</small>
      <input
        type="file"
        className="aside"
        accept={PICTURES.join()}
        onChange={(event) => event.target.files?.[0] && onPick(event.target.files[0])}
      />
    </label>
  );
}

function Picked({ reference, file }: { reference: Reference; file: NonNullable<Reference['file']> }) {
  const { share } = reference;
  return (
    <div className={css.picked}>
      <img className={css.picture} src={file.picture} alt="" />
      <div className={css.about}>
        <p className={css.name}>{file.name}</p>
        {share === null ? (
          <p className={css.note} role="status">
            Uploaded
          </p>
        ) : (
          <ProgressBar label="Uploading" total={100} done={Math.round(100 * share)} />
        )}
      </div>
      <IconButton icon="close" label="Remove the reference image" onClick={reference.remove} />
    </div>
  );
}
