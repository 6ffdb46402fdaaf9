import { useEffect, useRef, useState } from 'react';
import { IconButton } from '../ui/IconButton';
import type { ImageFacts } from './documents';
import css from './FullSize.module.css';

interface FullSizeProps {
  image: ImageFacts;
  open: boolean;
  onClose: () => void;
}

/** The picture and nothing else: first as large as the window, at a press in its own size. */
export function FullSize({ image, open, onClose }: FullSizeProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [own, setOwn] = useState(false);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
    setOwn(false);
  }, [open]);
  return (
    <dialog ref={dialog} className={css.dialog} aria-label={image.name} onClose={onClose}>
      {open && (
        <>
          <button
            type="button"
            className={css.picture}
            data-own={own || undefined}
            aria-pressed={own}
            aria-label={`Own size: ${image.name}`}
            onClick={() => setOwn(!own)}
          >
            <img
              key={image.id}
              src={image.url}
              alt={image.prompt}
              width={image.width ?? undefined}
              height={image.height ?? undefined}
            />
          </button>
          <IconButton className={css.close} icon="close" label="Close" onClick={onClose} />
        </>
      )}
    </dialog>
  );
}
