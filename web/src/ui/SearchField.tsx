import { useEffect, useRef, useState } from 'react';
import { Icon } from './Icon';
import css from './SearchField.module.css';

const PAUSE = 300;

interface SearchFieldProps {
  label: string;
  value: string;
  /** `goesOn`: while a search is being typed, rather than begun or ended. */
  onSearch: (text: string, goesOn: boolean) => void;
}

/** Searches a moment after the last letter; an address that changes by itself shows in it. */
export function SearchField({ label, value, onSearch }: SearchFieldProps) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (value !== sent.current) setText(value);
    sent.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);

  function send(now: string): void {
    clearTimeout(timer.current);
    if (now.trim() === sent.current) return;
    const goesOn = sent.current !== '' && now.trim() !== '';
    sent.current = now.trim();
    onSearch(sent.current, goesOn);
  }
  function type(now: string): void {
    setText(now);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => send(now), PAUSE);
  }
  return (
    <div className={css.search}>
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={({ target }) => type(target.value)}
        onKeyDown={({ key }) => key === 'Enter' && send(text)}
      />
    </div>
  );
}
