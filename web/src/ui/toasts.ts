// What was just done, for a few seconds, and how to undo it.

import { useSyncExternalStore } from 'react';

export interface Toast {
  id: number;
  text: string;
  undo?: () => void;
}

const SECONDS = 8;

let toasts: readonly Toast[] = [];
let said = '';
let next = 1;
const listeners = new Set<() => void>();

/** toast('Batch deleted', { undo: () => restore(id) }) */
export function toast(text: string, options: Pick<Toast, 'undo'> = {}): void {
  change([...toasts, { ...options, id: next++, text }]);
}

export function dismiss(id: number): void {
  change(toasts.filter((each) => each.id !== id));
}

/** Says it to who listens instead of looking; politely, and only the newest where many come at once. */
export function announce(text: string): void {
  said = text;
  tell();
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(subscribe, () => toasts);
}

export function useAnnouncement(): string {
  return useSyncExternalStore(subscribe, () => said);
}

export const TOAST_MILLISECONDS = SECONDS * 1000;

function change(now: readonly Toast[]): void {
  toasts = now;
  tell();
}

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
