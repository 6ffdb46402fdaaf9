/** The JSON object in a text that a person wrote: null for an empty one, undefined for what is no object. */
export function objectIn(text: string): Record<string, unknown> | null | undefined {
  if (!text.trim()) return null;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export const NO_OBJECT = 'This is no JSON object. It looks like {"seed": 7}.';
