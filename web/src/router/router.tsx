// A router on the browser's own history: an address is a state, and every state has an address.

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react';
import { withParameters } from './routes';

const MOVED = 'studio:moved';

/** Goes to an address of this page; replace leaves no step behind to go back to. */
export function navigate(to: string, { replace = false } = {}): void {
  const path = location.pathname;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  if (location.pathname !== path) window.scrollTo(0, 0);
  window.dispatchEvent(new Event(MOVED));
}

export function usePath(): string {
  return useSyncExternalStore(onMove, () => location.pathname);
}

/** The parameters in the address, and what changes some of them: filters, a search, what is open. */
export function useSearch(): [URLSearchParams, typeof changeSearch] {
  const search = useSyncExternalStore(onMove, () => location.search);
  return [new URLSearchParams(search), changeSearch];
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  to: string;
}

/** A link within this page; with a key held down, or to another window, the browser's own. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  function follow(event: MouseEvent<HTMLAnchorElement>): void {
    onClick?.(event);
    if (event.defaultPrevented || isSpecial(event) || rest.target || rest.download !== undefined) return;
    event.preventDefault();
    navigate(to);
  }
  return <a {...rest} href={to} onClick={follow} />;
}

/** In place, unless the step is worth going back to. */
function changeSearch(changes: Record<string, string | null>, { push } = { push: false }): void {
  navigate(location.pathname + withParameters(location.search, changes), { replace: !push });
}

function isSpecial(event: MouseEvent): boolean {
  return event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
}

function onMove(listener: () => void): () => void {
  window.addEventListener('popstate', listener);
  window.addEventListener(MOVED, listener);
  return () => {
    window.removeEventListener('popstate', listener);
    window.removeEventListener(MOVED, listener);
  };
}
