import { memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { thumbHashToDataURL } from 'thumbhash';
import css from './ImageTile.module.css';

interface ImageTileProps {
  /** The thumbnail; null as long as there is none. */
  src: string | null;
  /** What the picture shows: its prompt. Empty where a text beside it says so. */
  alt: string;
  /** ThumbHash in base64: painted until the thumbnail is here. */
  placeholder?: string | null;
  width?: number | null;
  height?: number | null;
  /** Keeps the picture's own proportions; a square otherwise, which grids want. */
  ownShape?: boolean;
  /** Nothing happens in it yet: it waits without breathing. */
  still?: boolean;
  /** Lies over the picture: why there is none, what may be done. */
  children?: ReactNode;
}

const MOST_ATTEMPTS = 5;
const FIRST_PAUSE = 1000;

/** A place of fixed size, first empty, then blurred, then the picture: nothing around it moves. */
export const ImageTile = memo(function ImageTile({
  src,
  alt,
  placeholder,
  width,
  height,
  ownShape = false,
  still = false,
  children,
}: ImageTileProps) {
  const blurred = useMemo(() => blurredOf(placeholder), [placeholder]);
  const shape = ownShape && width && height ? { aspectRatio: `${width} / ${height}` } : undefined;
  return (
    <div className={css.tile} style={shape} data-waiting={src || children || still ? undefined : true}>
      {blurred && <img className={css.picture} src={blurred} alt="" />}
      {src && <Picture key={src} src={src} alt={alt} />}
      {children && <div className={css.over}>{children}</div>}
    </div>
  );
});

/** Fades in; asked for again where it does not come, as it may while the service restarts. */
function Picture({ src, alt }: { src: string; alt: string }) {
  const picture = useRef<HTMLImageElement>(null);
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<'loading' | 'shown' | 'broken'>('loading');
  useEffect(() => {
    if (picture.current?.complete && picture.current.naturalWidth > 0) setState('shown');
  }, []);
  useEffect(() => {
    if (state !== 'broken' || attempt >= MOST_ATTEMPTS) return;
    const again = () => {
      setState('loading');
      setAttempt(attempt + 1);
    };
    const timer = setTimeout(again, FIRST_PAUSE * 2 ** attempt);
    return () => clearTimeout(timer);
  }, [state, attempt]);
  return (
    <img
      key={attempt}
      ref={picture}
      className={css.picture}
      src={src}
      alt={alt}
      loading="lazy"
      decoding="async"
      data-state={state}
      onLoad={() => setState('shown')}
      onError={() => setState('broken')}
    />
  );
}

function blurredOf(placeholder: string | null | undefined): string | null {
  if (!placeholder) return null;
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(placeholder), (letter) => letter.charCodeAt(0)));
  } catch {
    return null;
  }
}
