// Which page an address shows. Pure; the server answers the same addresses (server/addresses/web.py).

export type Parameters = Record<string, string>;

/** What `:names` in the pattern stand for in the path, or null where it does not match. */
export function match(pattern: string, path: string): Parameters | null {
  const wanted = segments(pattern);
  const given = segments(path);
  if (wanted.length !== given.length) return null;
  const parameters: Parameters = {};
  for (const [at, segment] of wanted.entries()) {
    const value = given[at] ?? '';
    if (segment.startsWith(':')) parameters[segment.slice(1)] = decode(value);
    else if (segment !== value) return null;
  }
  return parameters;
}

/** The search part of an address with these changes; null and '' take a parameter away. */
export function withParameters(search: string, changes: Record<string, string | null>): string {
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) parameters.set(name, value);
    else parameters.delete(name);
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

function segments(path: string): string[] {
  return path.split('/').filter(Boolean);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
