/** Once what is to come has been drawn: focuses the first of these that is there. */
export function focusSoon(...ids: (string | null | undefined)[]): void {
  requestAnimationFrame(() => {
    for (const id of ids) {
      const element = id ? document.getElementById(id) : null;
      if (element) return element.focus();
    }
  });
}
