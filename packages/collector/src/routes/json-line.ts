/** Answers end with a newline, for those who read them in a terminal. */
export function jsonLine(payload: unknown): string {
  return `${JSON.stringify(payload)}\n`;
}
